"""New versions are picked up under requests, broken ones are not, and the old ones are freed."""

import logging
import shutil
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import tensorflow as tf
from servers import Client, running

from imbalance.checks import InputError
from imbalance.serving import folders

TEXTS = ["天地玄黄", "日月"]


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def requests(server, clients=3):
    """Send requests without a pause; give the answers, (status, probabilities), as they come."""
    found, stop = [], threading.Event()

    def ask():
        client = Client(server)
        while not stop.is_set():
            answer = client.predict({"instances": TEXTS}, "base")
            rows = answer.value.get("predictions", [])
            found.append((answer.status, [row["probabilities"] for row in rows]))
        client.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for each in threads:
        each.start()
    try:
        yield found
    finally:
        stop.set()
        for each in threads:
            each.join()


def states(server):
    client = Client(server)
    found = client.raw("GET", "/v1/models/base").value["model_version_status"]
    client.close()
    return {each["version"]: (each["state"], each["status"]["error_message"]) for each in found}


@pytest.fixture
def base(runs, tmp_path):
    shutil.copytree(runs["text"].path / "serving", tmp_path / "base")
    return tmp_path / "base"


def test_a_switch_under_requests(base, newer, caplog):
    expected = [
        tf.saved_model.load(str(path)).signatures["serving_default"](text=tf.constant(TEXTS))
        for path in (base / "1", newer)
    ]
    expected = [each["probabilities"].numpy() for each in expected]
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    caplog.set_level(logging.INFO, "imbalance")
    with running(base) as server:
        old = server.service.models["base"].version().saved_model
        with requests(server) as found:
            until(lambda: len(found) > 20)
            # Half-written first: its graph is there, its variables are not.
            (base / "3").mkdir()
            shutil.copy(base / "1" / "saved_model.pb", base / "3")
            until(lambda: "3" in states(server) and states(server)["3"][0] == "END")
            assert states(server)["3"][1]
            assert states(server)["1"] == ("AVAILABLE", "")
            shutil.copytree(newer, base / "2")
            until(lambda: states(server).get("1") == ("END", ""))
            count = len(found)
            until(lambda: len(found) > count + 20)
            # The rest of version 3 arrives.
            shutil.copytree(newer, base / "3", dirs_exist_ok=True)
            until(lambda: states(server)["3"] == ("AVAILABLE", ""))
        assert old.signatures == {}  # freed
    assert {status for status, _ in found} == {200}
    which = []
    for _, probabilities in found:
        near = [np.allclose(probabilities, each, atol=1e-6) for each in expected]
        assert sum(near) == 1
        which.append(near.index(True))
    assert which[:20] == [0] * 20
    assert which[-5:] == [1] * 5
    refused = [each.getMessage() for each in caplog.records if "is not served" in each.getMessage()]
    assert len(refused) == 1
    assert "\n" not in refused[0]


def test_several_versions_and_one_that_goes(base, newer):
    shutil.copytree(newer, base / "12")
    with running(base, versions=2) as server:
        client = Client(server)
        paths = {number: f"/v1/models/base/versions/{number}:predict" for number in (1, 12)}
        found = {n: client.raw("POST", path, {"inputs": TEXTS}) for n, path in paths.items()}
        assert [each.status for each in found.values()] == [200, 200]
        assert found[1].value != found[12].value == client.predict({"inputs": TEXTS}, "base").value
        shutil.rmtree(base / "12")
        until(lambda: list(states(server)) == ["1"])
        assert client.predict({"inputs": TEXTS}, "base").value == found[1].value
        shutil.rmtree(base / "1")
        time.sleep(0.3)
        assert client.predict({"inputs": TEXTS}, "base").status == 200
        client.close()


def test_warm_up_requests_are_sent(base, monkeypatch):
    from tensorflow_serving.apis import prediction_log_pb2

    from imbalance.serving.server.saved_model import LoadError, SavedModel, Signature

    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(["a", "b"]))
    extra = base / "1" / "assets.extra"
    extra.mkdir(exist_ok=True)
    path = extra / "tf_serving_warmup_requests"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
        writer.write(prediction_log_pb2.PredictionLog().SerializeToString())
    calls, call = [], Signature.__call__
    monkeypatch.setattr(
        Signature, "__call__", lambda self, arrays: calls.append(arrays) or call(self, arrays)
    )
    loaded = SavedModel(base / "1")
    assert [each["text"].tolist() for each in calls] == [[b"a", b"b"]]
    assert loaded.skipped_warmups == 1
    loaded.close()
    request.inputs["other"].CopyFrom(tf.make_tensor_proto(1))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
    with pytest.raises(LoadError, match="exactly text"):
        SavedModel(base / "1")


def test_what_a_path_means(runs, tmp_path):
    run = runs["text"].path
    serving = run / "serving"
    assert folders.find(run) == ("text", serving, None)
    assert folders.find(serving) == ("text", serving, None)
    assert folders.find(serving / "1", "x") == ("x", serving / "1", 1)
    (tmp_path / "m" / "x1").mkdir(parents=True)
    shutil.copytree(serving / "1", tmp_path / "m" / "7")
    assert list(folders.find(tmp_path / "m").versions()) == [7]
    for number in ("2", "10", "x", "11"):
        (tmp_path / "many" / number).mkdir(parents=True)
    for number in ("2", "10", "x"):
        (tmp_path / "many" / number / "saved_model.pb").touch()
    assert folders.find(tmp_path / "many").newest.name == "10"
    assert folders.find(tmp_path / "many" / "2").newest.name == "2"
    for path, name in ((tmp_path, None), (tmp_path / "nope", None), (run, "a/b")):
        with pytest.raises(InputError, match="model: got|--name"):
            folders.find(path, name)


def test_a_model_without_a_version_that_loads(tmp_path):
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1" / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(InputError, match="version 1"), running(tmp_path / "broken"):
        pass
