"""One version of a model in memory: its signatures, called with arrays."""

import gc
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from imbalance.serving.server import protos
from imbalance.serving.server.arrays import Spec, rows
from imbalance.serving.server.errors import RequestError, of_tensorflow, one_line

DEFAULT_SIGNATURE = "serving_default"
_WARMUP = Path("assets.extra", "tf_serving_warmup_requests")
_MOST_WARMUPS = 1000


class LoadError(Exception):
    """A version cannot be served; the message is one line."""


class Signature:
    """A function of a SavedModel.

    Attributes:
        name: the signature's.
        inputs, outputs: name to :class:`Spec`.
        can_be_joined: whether rows of several requests may go into one call: each input and
            output has a row for each row of the request, and no row's shape depends on the others.
    """

    def __init__(self, name: str, definition, session):
        self.name = name
        self.inputs = {key: _spec(definition.inputs[key]) for key in sorted(definition.inputs)}
        self.outputs = {key: _spec(definition.outputs[key]) for key in sorted(definition.outputs)}
        by_row = [spec.shape for spec in self.inputs.values() if spec.shape != ()]
        self.can_be_joined = (
            bool(by_row)
            and all(shape is not None and shape[0] is None for shape in by_row)
            and all(
                spec.shape and spec.shape[0] is None and None not in spec.shape[1:]
                for spec in self.outputs.values()
            )
        )
        tensor = session.graph.get_tensor_by_name
        with session.graph.as_default():
            self._call = session.make_callable(
                [tensor(definition.outputs[key].name) for key in self.outputs],
                feed_list=[tensor(definition.inputs[key].name) for key in self.inputs],
            )

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs for the inputs.

        Raises:
            RequestError: TensorFlow refused it.
        """
        try:
            found = self._call(*(arrays[name] for name in self.inputs))
        except tf.errors.OpError as error:
            raise of_tensorflow(error) from None
        return dict(zip(self.outputs, found, strict=True))

    def group(self, arrays: Mapping[str, np.ndarray]) -> tuple | None:
        """Return what requests must have equal to be joined; None if this one is alone."""
        if not self.can_be_joined:
            return None
        parts = (
            each.shape[1:] if each.ndim else (each.dtype.str, each.item())
            for each in (arrays[name] for name in self.inputs)
        )
        return (id(self), *parts)

    def joined(self, requests: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        """Return the outputs of several requests of one group, by a single call."""
        if len(requests) == 1:
            return [self(requests[0])]
        counts = [rows(each) for each in requests]
        everything = {
            name: np.concatenate([each[name] for each in requests])
            if requests[0][name].ndim
            else requests[0][name]
            for name in self.inputs
        }
        outputs = self(everything)
        if any(len(each) != sum(counts) for each in outputs.values()):
            raise RequestError("INTERNAL", "the model gave another number of rows than it got")
        ends = np.cumsum(counts)
        return [
            {name: each[end - count : end] for name, each in outputs.items()}
            for count, end in zip(counts, ends, strict=True)
        ]


class SavedModel:
    """A SavedModel, loaded and warmed up.

    Args:
        path: folder of the version.

    Attributes:
        path: the folder.
        signatures: name to :class:`Signature`.
        definitions: name to ``SignatureDef``, for the metadata.
        skipped_warmups: records of the warm-up file that are no calls of Predict.

    Raises:
        LoadError: it cannot be loaded, or its warm-up fails.
    """

    def __init__(self, path: Path):
        self.path = path
        self.skipped_warmups = 0
        tf.get_logger().setLevel("ERROR")  # it calls the session's loader old
        self._session, self.definitions = None, {}
        try:
            self._session, graph = _open(path)
            self.definitions = dict(graph.signature_def)
            self.signatures = {
                name: Signature(name, definition, self._session)
                for name, definition in self.definitions.items()
                if definition.inputs
            }
            self._warm_up()
        except Exception as error:  # whatever a broken folder makes TensorFlow raise
            self.close()
            message = getattr(error, "message", None) or str(error) or type(error).__name__
            raise LoadError(one_line(message)) from None
        if not self.signatures:
            self.close()
            raise LoadError("it has no signature with inputs")

    def signature(self, name: str) -> Signature:
        """Return a signature by its name; the empty name means ``serving_default``."""
        name = name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            known = ", ".join(sorted(self.signatures))
            raise RequestError(
                "INVALID_ARGUMENT",
                f"signature_name: got {name[:80]!r}, expected one of {known}",
            )
        return self.signatures[name]

    def close(self) -> None:
        """Free what it holds."""
        if self._session is not None:
            self._session.close()
        self._session, self.signatures = None, {}
        gc.collect()

    def _warm_up(self) -> None:
        path = self.path / _WARMUP
        if not path.is_file():
            return
        for record in tf.data.TFRecordDataset(str(path)).take(_MOST_WARMUPS).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            if not log.HasField("predict_log"):
                self.skipped_warmups += 1
                continue
            request = log.predict_log.request
            signature = self.signature(request.model_spec.signature_name)
            signature(protos.to_arrays(request.inputs, signature.inputs))


def _open(path: Path):
    try:
        return _session(path)
    except (tf.errors.NotFoundError, ValueError) as error:
        if "not registered" not in str(error):
            raise
        try:
            importlib.import_module("tensorflow_text")
        except ImportError:
            raise LoadError(
                "it has operations of tensorflow-text, which is not installed: "
                "pip install tensorflow-text"
            ) from None
        return _session(path)


def _session(path: Path):
    session = tf.compat.v1.Session(graph=tf.Graph())
    try:
        with session.graph.as_default():
            return session, tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path))
    except BaseException:
        session.close()
        raise


def _spec(info) -> Spec:
    shape = info.tensor_shape
    sizes = tuple(None if each.size < 0 else each.size for each in shape.dim)
    dtype = np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype)
    return Spec(dtype, None if shape.unknown_rank else sizes)
