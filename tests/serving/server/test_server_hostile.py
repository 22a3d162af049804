"""Whatever a body holds, the answer is 4xx with one line, and the server goes on."""

import gzip
import json
import random
import string

import grpc
import pytest

BODIES = 1000
# Values that are nothing for a string of shape (rows,).
STRANGE = (
    None,
    True,
    0,
    -1.5,
    1e308,
    10**400,
    [],
    ["a"],
    [["a"]],
    {},
    {"b64": 1},
    {"b64": "!"},
    {"b64": "YQ=YQ"},
    {"b64": "é"},
    {"b64": "YQ==", "x": 1},
    {"text": {"text": "a"}},
    {"text": None},
    {"text": ["a"]},
    {"text": "a", "other": "b"},
    {"texte": "a"},
)
VALID = json.dumps({"instances": ["天地", {"b64": "YQ=="}]}, ensure_ascii=False).encode()


def wrong_json(draw):
    kind = draw.randrange(6)
    if kind == 0:
        return VALID[: draw.randrange(len(VALID))]
    if kind == 1:
        return VALID + draw.choice([b"}", b"x", b"{}", b"\0", VALID])
    if kind == 2:
        number = draw.choice(["NaN", "Infinity", "-Infinity", "01", "+1", ".5", "0x1", "1e", "--1"])
        return f'{{"instances": ["a", {number}]}}'.encode()
    if kind == 3:
        key = draw.choice(["instances", "inputs", "signature_name"])
        return f'{{"instances": ["a"], "x": {{}}, "{key}": ["a"], "{key}": ["a"]}}'.encode()
    if kind == 4:
        return b"{'instances': ['a']}" if draw.random() < 0.5 else b'{"instances": ["a",]}'
    place = draw.randrange(len(VALID))
    return VALID[:place] + b"\x00" + VALID[place:]


def wrong_types(draw):
    strange = draw.choice(STRANGE)
    kind = draw.randrange(7)
    if kind == 0:
        body = {"instances": strange}
    elif kind == 1:
        body = {"instances": ["a", strange, "b"]}
    elif kind == 2:
        body = {"inputs": draw.choice([strange, {"text": strange}, [strange]])}
    elif kind == 3:
        body = {"instances": ["a"], "inputs": ["a"]}
    elif kind == 4:
        name = draw.choice([1, None, ["serving_default"], "nope", "__saved_model_init_op"])
        body = {"instances": ["a"], "signature_name": name}
    elif kind == 5:
        body = draw.choice([[], {}, "instances", 1, None, [{"instances": ["a"]}]])
    else:
        body = {"instances": [{"text": "a"}, "a"]}
    if body in ({"instances": ["a"]}, {"inputs": ["a"]}, {"inputs": {"text": ["a"]}}):
        body = {"inputs": {}}
    return json.dumps(body).encode()


def deep(draw):
    depth = draw.choice([3, 40, 900, 5_000, 100_000])
    opened, closed = draw.choice([("[", "]"), ('{"a":', "}"), ('{"b64":', "}")])
    nested = opened * depth + draw.choice(["", "1", '"a"'])
    if draw.random() < 0.7:
        nested += closed * depth
    place = draw.choice(['{"instances": %s}', '{"inputs": {"text": %s}}', "%s"])
    return (place % nested).encode()


def huge(draw):
    kind = draw.randrange(3)
    if kind == 0:
        return b'{"instances": ["' + b"a" * 2**20 + b'"]}'
    if kind == 1:
        return b'{"instances": [' + b"9" * draw.randrange(5_000, 500_000) + b"]}"
    return b'{"instances": [' + b"1," * draw.randrange(1, 100_000) + b"1]}"


def binary(draw):
    kind = draw.randrange(4)
    if kind == 0:
        return draw.randbytes(draw.randrange(1, 2000))
    if kind == 1:
        return VALID.decode().encode(draw.choice(["utf-16", "utf-32", "gb18030"]))
    if kind == 2:
        place = VALID.index("天".encode()) + draw.randrange(6)
        return VALID[:place] + bytes([draw.choice([0xC0, 0xF5, 0xFF])]) + VALID[place:]
    half = draw.choice(["\\ud800", "\\udfff", "\\ud800\\u0041", "\\u12", "\\x41"])
    return f'{{"instances": ["a{half}"]}}'.encode()


def test_1000_hostile_bodies(client):
    draw = random.Random(6)
    counts = {}
    for number in range(BODIES):
        make = draw.choices([wrong_json, wrong_types, deep, huge, binary], [9, 12, 4, 1, 6])[0]
        body = make(draw)
        answer = client.predict(body)
        what = f"{make.__name__} {number}: {body[:200]!r} gave {answer.status} {answer.value!r}"
        assert answer.status == (413 if len(body) > 2**20 else 400), what
        assert list(answer.value) == ["error"], what
        message = answer.value["error"]
        assert 0 < len(message) <= 500, what
        assert message.isprintable(), what
        counts[make.__name__] = counts.get(make.__name__, 0) + 1
    assert len(counts) == 5
    assert sum(counts.values()) == BODIES
    assert client.predict(VALID).status == 200
    assert b'status="500"' not in client.raw("GET", "/metrics").value


@pytest.mark.parametrize(
    "body",
    [b"\x1f\x8b" + b"x" * 50, gzip.compress(VALID)[:-20], b"", gzip.compress(b"a" * 2**24)],
    ids=["no gzip", "cut off", "empty", "too large"],
)
def test_broken_compression(client, body):
    answer = client.raw("POST", "/v1/models/text:predict", body, {"Content-Encoding": "gzip"})
    assert answer.status in (400, 413)
    assert "message" not in answer.value["error"]
    client.http.close()  # such a connection may be closed by the server
    assert client.predict(VALID).status == 200


def test_compressed_bodies_are_read(client):
    body = gzip.compress(VALID)
    answer = client.raw("POST", "/v1/models/text:predict", body, {"Content-Encoding": "gzip"})
    assert answer.status == 200


def test_random_text_is_answered_or_refused(client):
    draw = random.Random(7)
    for _ in range(50):
        text = "".join(draw.choices(string.printable + "天\x00\ufeff\ufffd😀\u202e", k=50))
        assert client.predict({"instances": [text]}).status == 200


def test_bytes_that_are_no_message_are_refused(client, caplog):
    call = client.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    with pytest.raises(grpc.RpcError) as error:
        call(b"\xff\xff\xff")
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details() == "request: got 3 bytes that are no PredictRequest"
    assert not caplog.records


def test_a_number_without_end_is_named(client):
    answer = client.predict(b'{"instances": [' + b"1" * 5000 + b"]}")
    expected = "body: got a whole number of thousands of digits, expected shorter ones"
    assert (answer.status, answer.value) == (400, {"error": expected})
