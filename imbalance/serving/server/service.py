"""What both protocols do: find the version and its signature, check, compute in time."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from imbalance.serving.server.batching import Batcher
from imbalance.serving.server.errors import RequestError
from imbalance.serving.server.metrics import Metrics
from imbalance.serving.server.model import Model

SIGNATURES = "signature_def"
# Codes of TensorFlow and gRPC alike.
_OK, _UNKNOWN = 0, 2


@dataclass(frozen=True)
class Limits:
    """What a request may take.

    Attributes:
        body: bytes of a body or message.
        batch: rows of a call of the network; 0 joins no requests.
        batch_wait: seconds that a request waits for others.
        queue: requests under way; one more is refused.
        seconds: until a request's answer.
    """

    body: int = 16 * 2**20
    batch: int = 64
    batch_wait: float = 0.0
    queue: int = 256
    seconds: float = 30.0


class Service:
    """The models, and how requests get their answers.

    Args:
        models: what is served.
        limits: what a request may take.

    Attributes:
        limits: as given.
        metrics: numbers on everything.
        stopping: set when no new connection is accepted any more.
    """

    def __init__(self, models: Sequence[Model], limits: Limits):
        self.limits, self.stopping = limits, False
        self.models = {model.name: model for model in models}
        self.metrics = Metrics()
        self._under_way = 0
        self._batcher = Batcher(limits.batch, limits.batch_wait, self.metrics.call)
        self.metrics.watch("under_way", "Requests under way.", lambda: self._under_way)
        self.metrics.watch("queue", "Requests that wait for a call.", lambda: self._batcher.waiting)
        self.metrics.watch_versions(
            lambda: [(model.name, number) for model in models for number in model.loaded]
        )

    @property
    def computing(self) -> bool:
        """Whether a call of a network is under way."""
        return self._batcher.busy

    def close(self) -> None:
        """Take no more requests."""
        self._batcher.close()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places for requests under way.

        Raises:
            RequestError: all of them are taken.
        """
        if self._under_way >= self.limits.queue:
            raise RequestError(
                "RESOURCE_EXHAUSTED", f"{self._under_way} requests are under way, try again later"
            )
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def model(self, name: str) -> Model:
        """Return a model by its name."""
        if name not in self.models:
            known = ", ".join(sorted(self.models))
            raise RequestError("NOT_FOUND", f"model: got {name[:80]!r}, expected one of {known}")
        return self.models[name]

    async def predict(self, signature, arrays: dict[str, np.ndarray], end: float) -> dict:
        """Return the outputs for the inputs.

        Args:
            signature: of a version that is held as used.
            arrays: its inputs.
            end: time of the event loop's clock at which the request is given up.
        """
        try:
            async with asyncio.timeout_at(end):
                return await self._batcher.run(signature, arrays)
        except TimeoutError:
            raise RequestError("DEADLINE_EXCEEDED", "the answer took too long") from None

    def status(self, name: str, number: int | None):
        """Return the ``GetModelStatusResponse`` of a model or of one of its versions."""
        model = self.model(name)
        if number is not None and number not in model.states:
            raise RequestError("NOT_FOUND", f"there is no version {number} of {name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for each in sorted(model.states, reverse=True) if number is None else [number]:
            state = model.states[each]
            entry = response.model_version_status.add()
            entry.version = each
            entry.state = entry.State.Value(state.name)
            entry.status.error_code = _UNKNOWN if state.error else _OK
            entry.status.error_message = state.error
        return response

    def metadata(self, name: str, number: int | None):
        """Return the ``ModelSpec`` and the ``SignatureDefMap`` of a version."""
        version = self.model(name).version(number)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, definition in version.saved_model.definitions.items():
            signatures.signature_def[key].CopyFrom(definition)
        spec = model_pb2.ModelSpec(name=name)
        spec.version.value = version.number
        return spec, signatures


def as_json(message) -> dict:
    """Return a message as TensorFlow Serving writes it in JSON: names as in the proto, and
    values that are not set.
    """
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
