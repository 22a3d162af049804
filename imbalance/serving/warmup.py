"""Requests that a server makes by itself when it has loaded a version, before it serves it.

The first request of each size is slow, since XLA compiles for it: better that no user waits.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

# Inside a version folder: where TensorFlow Serving looks for them.
PATH = "assets.extra/tf_serving_warmup_requests"


class Request(NamedTuple):
    """A request.

    Attributes:
        signature: name of the signature.
        inputs: names of its inputs to their values, of the signature's types.
    """

    signature: str
    inputs: Mapping[str, Any]


def record(request: Request) -> bytes:
    """Return a serialized ``tensorflow.serving.PredictionLog``, the same bytes each time.

    Source:
        https://www.tensorflow.org/tfx/serving/saved_model_warmup

    Example:
        >>> log = PredictionLog.FromString(record(Request("top_k", {"text": [""], "k": 1})))
        >>> log.predict_log.request.model_spec.signature_name
        'top_k'
    """
    inputs = {name: tf.make_tensor_proto(value) for name, value in request.inputs.items()}
    asked = PredictRequest(model_spec=ModelSpec(signature_name=request.signature), inputs=inputs)
    log = PredictionLog(predict_log=PredictLog(request=asked))
    return log.SerializeToString(deterministic=True)
