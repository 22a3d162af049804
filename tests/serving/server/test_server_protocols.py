"""REST in both forms and gRPC give the same answers, and those are the network's."""

import base64
import re
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import wrappers_pb2
from servers import Client, running
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from imbalance.serving.server.arrays import Spec, rows
from imbalance.serving.server.bodies import to_arrays
from imbalance.serving.server.errors import RequestError, of_tensorflow

TEXTS = ["天地玄黄", "", "fox 日月 fox", "😀�\x1f", "寒来" * 300]
INPUTS = {
    "text": {"text": TEXTS},
    "pairs": {"text_a": TEXTS, "text_b": TEXTS[::-1]},
    "spans": {"text": TEXTS},
    "answers": {"question": TEXTS[::-1], "context": TEXTS},
}


def by_grpc(client, model, inputs, seconds=60, **request):
    tensors = {key: tf.make_tensor_proto(value) for key, value in inputs.items()}
    spec = model_pb2.ModelSpec(name=model, **request)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
    message = predict_pb2.PredictRequest(model_spec=spec, inputs=tensors)
    return stub.Predict(message, timeout=seconds)


def refusal(call) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def equal(found, expected):
    if expected.dtype == object:
        assert np.array(found).tolist() == [
            each.decode() if isinstance(each, bytes) else [one.decode() for one in each]
            for each in expected.tolist()
        ]
    else:
        np.testing.assert_allclose(np.array(found, expected.dtype), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("model", INPUTS)
def test_both_forms_and_grpc_answer_equally(client, runs, model):
    inputs = INPUTS[model]
    instances = [dict(zip(inputs, row, strict=True)) for row in zip(*inputs.values(), strict=True)]
    by_row = client.predict({"instances": instances}, model)
    by_column = client.predict({"inputs": inputs}, model)
    assert (by_row.status, by_column.status) == (200, 200)
    outputs = by_grpc(client, model, inputs).outputs
    serve = tf.saved_model.load(str(runs[model].path / "serving" / "1"))
    loaded = serve.signatures["serving_default"](**{k: tf.constant(v) for k, v in inputs.items()})
    assert set(outputs) == set(by_column.value["outputs"]) == set(loaded)
    for name, tensor in outputs.items():
        expected = tf.make_ndarray(tensor)
        equal(by_column.value["outputs"][name], expected)
        equal([row[name] for row in by_row.value["predictions"]], expected)
        equal(by_column.value["outputs"][name], loaded[name].numpy())


def test_the_answers_are_those_of_the_network(client, runs):
    run = runs["text"]
    expected = run.probabilities(TEXTS)
    found = client.predict({"instances": TEXTS}).value["predictions"]
    np.testing.assert_allclose([row["probabilities"] for row in found], expected, atol=1e-6)
    decided = [run.labels[index] for index in run.decision.decide(expected)]
    assert [row["label"] for row in found] == decided
    assert len(set(decided)) > 1


def test_other_ways_to_say_the_same(client):
    expected = client.predict({"inputs": {"text": ["天"]}}).value["outputs"]
    encoded = {"b64": base64.b64encode("天".encode()).decode()}
    for body in (
        {"inputs": ["天"]},
        {"inputs": [encoded]},
        {"inputs": ["天"], "signature_name": "serving_default"},
    ):
        assert client.predict(body).value["outputs"] == expected
    row = {name: column[0] for name, column in expected.items()}
    for body in ({"instances": ["天"]}, {"instances": [encoded]}, {"instances": [{"text": "天"}]}):
        assert client.predict(body).value["predictions"] == [row]
    by_version = client.raw("POST", "/v1/models/text/versions/1:predict", {"inputs": ["天"]})
    assert by_version.value["outputs"] == expected


def test_a_byte_that_is_no_utf_8_is_answered(client):
    assert client.predict({"instances": [{"b64": "/w=="}, "a"]}).status == 200
    assert by_grpc(client, "text", {"text": [b"\xff", b"a"]}).outputs["label"].dtype == tf.string


def test_a_text_of_100000_characters_is_answered(client):
    assert client.predict({"instances": ["天" * 100_000]}).status == 200


def test_status_and_metadata(client):
    status = {"error_code": "OK", "error_message": ""}
    expected = [{"version": "1", "state": "AVAILABLE", "status": status}]
    for path in ("/v1/models/text", "/v1/models/text/versions/1"):
        assert client.raw("GET", path).value == {"model_version_status": expected}
    found = client.raw("GET", "/v1/models/text/metadata").value
    assert found["model_spec"] == {"name": "text", "signature_name": "", "version": "1"}
    text = found["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["text"]
    assert (text["dtype"], text["tensor_shape"]["dim"][0]["size"]) == ("DT_STRING", "-1")

    spec = model_pb2.ModelSpec(name="text")
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
    by_rpc = model_service_pb2_grpc.ModelServiceStub(client.channel).GetModelStatus(request)
    assert [(each.version, each.state) for each in by_rpc.model_version_status] == [(1, 30)]
    stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec, metadata_field=["signature_def"]
    )
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert stub.GetModelMetadata(request).metadata["signature_def"].Unpack(signatures)
    assert "text" in signatures.signature_def["serving_default"].inputs


def test_the_readme_names_every_signature(client):
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| signature | asks |") :].split("\n\n")[0]
    named = {row.split("`")[1] for row in table.splitlines()[2:]}
    metadata = client.raw("GET", "/v1/models/text/metadata").value["metadata"]
    assert named == set(metadata["signature_def"]["signature_def"]) - {"__saved_model_init_op"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/nope:predict", 404),
        ("POST", "/v1/models/text/versions/9:predict", 404),
        ("POST", f"/v1/models/text/versions/{10**30}:predict", 400),
        ("POST", f"/v1/models/text/versions/{'9' * 5000}:predict", 400),
        ("POST", "/v1/models/text:classify", 400),
        ("GET", "/v1/models/nope", 404),
        ("GET", "/v1/models/text/versions/9", 404),
        ("GET", "/v1/models/text/versions/9/metadata", 404),
        ("GET", "/v1/nope", 400),
        ("GET", "/nope", 404),
        ("GET", "/page/nope.js", 404),
        ("GET", "/page/", 404),
        ("GET", "/page/%2e%2e%2frest.py", 404),
    ],
)
def test_wrong_urls(client, method, path, status):
    answer = client.raw(method, path, b'{"instances": ["a"]}' if method == "POST" else None)
    assert answer.status == status
    assert list(answer.value) == ["error"]
    assert answer.value["error"]
    assert "\n" not in answer.value["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/models/text:predict", "POST"),
        ("PUT", "/v1/models/text/versions/1:predict", "POST"),
        ("DELETE", "/v1/models/text", "GET, HEAD"),
        ("POST", "/v1/models/text/metadata", "GET, HEAD"),
        ("POST", "/metrics", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(client, method, path, allowed):
    answer = client.raw(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    says = f"method: got {method}, expected {allowed.replace(', ', ' or ')}"
    assert answer.value == {"error": says}


@pytest.mark.parametrize(
    ("model", "inputs", "spec", "code", "says"),
    [
        ("nope", {"text": ["a"]}, {}, "NOT_FOUND", "nope"),
        (
            *("text", {"text": ["a"]}, {"version": wrappers_pb2.Int64Value(value=9)}),
            *("NOT_FOUND", "version 9"),
        ),
        ("text", {"text": ["a"]}, {"version_label": "x"}, "INVALID_ARGUMENT", "version_label"),
        ("text", {"text": ["a"]}, {"signature_name": "x"}, "INVALID_ARGUMENT", "serving_default"),
        ("text", {"text": "a"}, {}, "INVALID_ARGUMENT", "shape []"),
        ("text", {"text": [1]}, {}, "INVALID_ARGUMENT", "string"),
        ("text", {"other": ["a"]}, {}, "INVALID_ARGUMENT", "exactly text"),
        ("text", {}, {}, "INVALID_ARGUMENT", "none"),
        ("pairs", {"text_a": ["a"], "text_b": ["a", "b"]}, {}, "INVALID_ARGUMENT", "rows"),
    ],
)
def test_wrong_calls(client, model, inputs, spec, code, says):
    found, message = refusal(lambda: by_grpc(client, model, inputs, **spec))
    assert found == grpc.StatusCode[code]
    assert says in message


def test_tensors_that_are_not_what_they_say(client):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
    for size, values in ((2**40, [b"a"]), (-1, [b"a"]), (0, []), (2, [b"a", b"b", b"c"])):
        request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name="text"))
        tensor = request.inputs["text"]
        tensor.dtype, tensor.string_val[:] = tf.string.as_datatype_enum, values
        tensor.tensor_shape.dim.add(size=size)
        assert refusal(lambda r=request: stub.Predict(r))[0] == grpc.StatusCode.INVALID_ARGUMENT
    large = [b"a" * 2**21]
    code, _ = refusal(lambda: by_grpc(client, "text", {"text": large}))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_output_filter(client):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
    inputs = {"text": tf.make_tensor_proto(["a"])}
    request = predict_pb2.PredictRequest(inputs=inputs, output_filter=["score"])
    request.model_spec.name = "text"
    answer = stub.Predict(request)
    assert set(answer.outputs) == {"score"}
    assert (answer.model_spec.version.value, answer.model_spec.signature_name) == (
        1,
        "serving_default",
    )
    request.output_filter[:] = ["nope"]
    assert refusal(lambda: stub.Predict(request))[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_the_page(client):
    answer = client.raw("GET", "/")
    assert answer.status == 200
    assert b"<!doctype html>" in answer.value


def test_metrics(client):
    def numbers():
        lines = client.raw("GET", "/metrics").value.decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    before = numbers()
    client.predict({"instances": ["a", "b"]})
    client.predict({"instances": [1]})
    by_grpc(client, "text", {"text": ["a"]})
    # A request is counted when its answer is made; the call by gRPC, a moment after that.
    after = numbers()
    for name, difference in {
        'requests_total{api="rest",route="predict",status="200"}': 1,
        'requests_total{api="rest",route="predict",status="400"}': 1,
        'request_seconds_count{api="rest",route="predict"}': 2,
        "batch_rows_sum": 3,
        "batch_requests_count": 2,
    }.items():
        name = f"imbalance_serving_{name}"
        assert after[name] - before.get(name, 0) == difference
    assert after['imbalance_serving_requests_total{api="grpc",route="Predict",status="OK"}'] >= 1
    assert after['imbalance_serving_version{model="text",version="1"}'] == 1
    assert after["imbalance_serving_queue"] == 0
    assert after["process_resident_memory_bytes"] > 0


def test_one_value_beside_the_rows():
    inputs = {"k": Spec(np.dtype("int32"), ()), "text": Spec(np.dtype(object), (None,))}
    found, in_rows = to_arrays({"inputs": {"text": ["a", "b"], "k": 2}}, inputs)
    assert (found["k"].shape, found["k"].dtype, int(found["k"]), rows(found)) == ((), "i4", 2, 2)
    assert not in_rows
    for body, says in (
        ({"instances": [{"text": "a", "k": 2}]}, "k is one value for all rows"),
        ({"inputs": {"text": ["a"], "k": 2**31}}, "k: got a number out of range"),
        ({"inputs": {"text": ["a"], "k": 2.0}}, "k: got a number, expected a whole number"),
        ({"inputs": {"text": ["a"], "k": [2]}}, "k: got a list, expected a whole number"),
        ({"inputs": {"text": ["a"], "k": True}}, "k: got true or false"),
    ):
        with pytest.raises(RequestError, match=says):
            to_arrays(body, inputs)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"inputs": {"text": None}}, "text: got null, expected a list of strings"),
        ({"inputs": "a"}, "text: got a string, expected a list of strings"),
        ({"instances": ["a", None]}, 'text[1]: got null, expected a string or {"b64": "..."}'),
        ({"instances": [{"text": None}]}, 'text[0]: got null, expected a string or {"b64": "..."}'),
        ({"instances": [["a"]]}, 'text[0]: got a list, expected a string or {"b64": "..."}'),
        (
            {"instances": ["a"], "signture_name": "top_k"},
            "body.signture_name: unknown key, expected one of signature_name, instances, inputs; "
            "did you mean 'signature_name'?",
        ),
    ],
)
def test_wrong_bodies_are_refused_in_words(client, body, says):
    answer = client.predict(body)
    assert (answer.status, answer.value) == (400, {"error": says})


def test_lists_of_lists_are_refused_where_they_are_wrong():
    inputs = {"tokens": Spec(np.dtype(object), (None, None))}
    for value, says in (
        (None, "tokens: got null, expected a list of lists of strings"),
        ([["a"], "b"], "tokens[1]: got a string, expected a list of strings"),
        ([["a"], ["b", "c"]], "tokens[1]: got a list of 2, expected a list of 1 as its neighbours"),
        ([["a", 1]], 'tokens[0][1]: got a number, expected a string or {"b64": "..."}'),
    ):
        with pytest.raises(RequestError, match=re.escape(says)):
            to_arrays({"inputs": value}, inputs)


def test_what_the_graph_refuses_is_named(runs):
    with running(runs["text"].path) as server:
        client = Client(server)
        for k in (0, -1):
            body = {"signature_name": "top_k", "inputs": {"text": ["a"], "k": k}}
            answer = client.predict(body)
            assert answer.status == 400
            assert f"k: got {k}, expected at least 1" in answer.value["error"]
        client.close()


@pytest.mark.parametrize("before", ["", "Graph execution error:\n\nDetected at node Assert\n"])
def test_the_line_of_a_refusal(before):
    message = before + "assertion failed: [k: got 0, expected at least 1]\n\t [[{{node Assert}}]]"
    error = of_tensorflow(tf.errors.InvalidArgumentError(None, None, message))
    assert str(error) == "the model refused it: k: got 0, expected at least 1"
