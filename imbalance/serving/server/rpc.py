"""The gRPC API: PredictionService (Predict, GetModelMetadata) and ModelService (GetModelStatus)."""

import asyncio
import logging

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

from imbalance.serving.server import protos
from imbalance.serving.server.errors import RETRY_SECONDS, RequestError
from imbalance.serving.server.service import SIGNATURES, Service

_log = logging.getLogger("imbalance.serving")


def server(service: Service) -> grpc.aio.Server:
    """Return the gRPC server, not started and without a port; other calls are UNIMPLEMENTED."""
    created = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", service.limits.body),
            ("grpc.max_send_message_length", -1),
            # Two servers on one port would each get some of the requests.
            ("grpc.so_reuseport", 0),
        ]
    )
    calls = _Calls(service)
    for name, methods in {
        "PredictionService": {
            "Predict": (calls.predict, predict_pb2.PredictRequest),
            "GetModelMetadata": (calls.metadata, get_model_metadata_pb2.GetModelMetadataRequest),
        },
        "ModelService": {
            "GetModelStatus": (calls.status, get_model_status_pb2.GetModelStatusRequest)
        },
    }.items():
        handlers = {
            method: grpc.unary_unary_rpc_method_handler(
                calls.counted(method, call, request),
                response_serializer=lambda message: message.SerializeToString(),
            )
            for method, (call, request) in methods.items()
        }
        created.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(f"tensorflow.serving.{name}", handlers),)
        )
    return created


class _Calls:
    def __init__(self, service: Service):
        self._service = service

    def counted(self, route: str, call, kind):
        """Count and time each request, and turn errors into status codes."""

        async def handler(content: bytes, context):
            loop = asyncio.get_running_loop()
            start, code = loop.time(), "OK"
            try:
                return await call(_parsed(content, kind), context)
            except RequestError as error:
                code = error.code
                if code == "RESOURCE_EXHAUSTED":
                    pause = ("grpc-retry-pushback-ms", str(1000 * RETRY_SECONDS))
                    context.set_trailing_metadata((pause,))
                await context.abort(grpc.StatusCode[code], str(error))
            except asyncio.CancelledError:
                code = "CANCELLED"
                raise
            except Exception:
                code = "INTERNAL"
                _log.exception("gRPC %s", route)
                await context.abort(grpc.StatusCode.INTERNAL, "an error of the server, see its log")
            finally:
                self._service.metrics.request("grpc", route, code, loop.time() - start)

        return handler

    async def predict(self, request, context):
        service, spec = self._service, request.model_spec
        seconds = min(service.limits.seconds, context.time_remaining() or service.limits.seconds)
        end = asyncio.get_running_loop().time() + seconds
        with service.place():
            version = service.model(spec.name).version(_number(spec))
            with version.used() as saved_model:
                signature = saved_model.signature(spec.signature_name)
                arrays = protos.to_arrays(request.inputs, signature.inputs)
                names = _filtered(request.output_filter, signature.outputs)
                outputs = await service.predict(signature, arrays, end)
            response = predict_pb2.PredictResponse()
            response.model_spec.name = spec.name
            response.model_spec.version.value = version.number
            response.model_spec.signature_name = signature.name
            for name in names:
                response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
            return response

    async def metadata(self, request, context):
        wanted = list(request.metadata_field)
        if not wanted or any(each != SIGNATURES for each in wanted):
            raise RequestError(
                "INVALID_ARGUMENT", f"metadata_field: got {wanted[:3]}, expected [{SIGNATURES!r}]"
            )
        spec, signatures = self._service.metadata(
            request.model_spec.name, _number(request.model_spec)
        )
        response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=spec)
        response.metadata[SIGNATURES].Pack(signatures)
        return response

    async def status(self, request, context):
        return self._service.status(request.model_spec.name, _number(request.model_spec))


def _parsed(content: bytes, kind):
    """Return a message; gRPC itself would log a traceback for what is none, and call it unknown."""
    try:
        return kind.FromString(content)
    except DecodeError:
        raise RequestError(
            "INVALID_ARGUMENT", f"request: got {len(content)} bytes that are no {kind.__name__}"
        ) from None


def _number(spec) -> int | None:
    if spec.version_label:
        raise RequestError(
            "INVALID_ARGUMENT", "version_label: versions have no labels, expected a number"
        )
    return spec.version.value if spec.HasField("version") else None


def _filtered(wanted, outputs) -> list[str]:
    strange = next((name for name in wanted if name not in outputs), None)
    if strange is not None:
        raise RequestError(
            "INVALID_ARGUMENT",
            f"output_filter: got {strange[:80]!r}, expected some of {', '.join(outputs)}",
        )
    return list(dict.fromkeys(wanted)) or list(outputs)
