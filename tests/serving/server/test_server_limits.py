"""Time-outs, a full queue, and a stop while requests run."""

import socket
import threading
import time

import grpc
import pytest
import tensorflow as tf
from servers import Client, running
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from imbalance.serving.server.saved_model import Signature
from imbalance.serving.server.service import Limits

BODY = {"instances": ["天地"]}


def by_grpc(client, **options):
    request = predict_pb2.PredictRequest(inputs={"text": tf.make_tensor_proto(["a"])})
    request.model_spec.name = "text"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
    return stub.Predict(request, **options)


@pytest.fixture
def slow(monkeypatch):
    """Let each call take as many seconds as are set; each begins by setting `began`."""
    call = Signature.__call__

    class Slow:
        seconds, began = 0.0, threading.Event()

    def wait_and_call(self, arrays):
        Slow.began.set()
        time.sleep(Slow.seconds)
        return call(self, arrays)

    monkeypatch.setattr(Signature, "__call__", wait_and_call)
    return Slow


def test_a_request_that_takes_too_long(runs, slow):
    with running(runs["text"].path, limits=Limits(seconds=0.3)) as server:
        client = Client(server)
        slow.seconds = 0.8
        answer = client.predict(BODY)
        assert (answer.status, answer.value) == (504, {"error": "the answer took too long"})
        for options in ({}, {"timeout": 0.1}):
            with pytest.raises(grpc.RpcError) as error:
                by_grpc(client, **options)
            assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        slow.seconds, end = 0.0, time.monotonic() + 30
        while client.predict(BODY).status != 200:
            assert time.monotonic() < end
        # A body that does not come.
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
            head = "POST /v1/models/text:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
            raw.sendall(head.encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 408")
        client.close()


def test_a_body_announced_too_large_is_not_waited_for(runs):
    head = "POST /v1/models/text:predict HTTP/1.1\r\nHost: x\r\nContent-Length: "
    with running(runs["text"].path, limits=Limits(body=100)) as server:
        for rest, answer in (
            ("101\r\n\r\n{", b"HTTP/1.1 413 "),
            ("101\r\nExpect: 100-continue\r\n\r\n", b"HTTP/1.1 413 "),
            ("100\r\nExpect: 100-continue\r\n\r\n", b"HTTP/1.1 100 "),
            ("0\r\nExpect: nonsense\r\n\r\n", b"HTTP/1.1 400 "),
        ):
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
                raw.sendall((head + rest).encode())
                assert raw.recv(100).startswith(answer)


def test_a_full_queue(runs, slow):
    with running(runs["text"].path, limits=Limits(queue=2)) as server:
        slow.seconds = 1.0
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(Client(server).predict(BODY)))
            for _ in range(2)
        ]
        for each in threads:
            each.start()
        until = time.monotonic() + 30
        client = Client(server)
        while b"serving_under_way 2.0" not in client.raw("GET", "/metrics").value:
            assert time.monotonic() < until
        answer = client.predict(BODY)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert "under way" in answer.value["error"]
        with pytest.raises(grpc.RpcError) as error:
            by_grpc(client)
        assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert ("grpc-retry-pushback-ms", "1000") in error.value.trailing_metadata()
        for each in threads:
            each.join()
        assert [each.status for each in found] == [200, 200]
        assert client.predict(BODY).status == 200
        client.close()


def test_a_stop_answers_what_was_accepted(runs, slow):
    with running(runs["text"].path) as server:
        slow.seconds = 1.0
        found, clients = [], [Client(server) for _ in range(4)]
        threads = [
            threading.Thread(target=lambda c=client: found.append(c.predict(BODY)))
            for client in clients[:3]
        ]
        threads.append(threading.Thread(target=lambda: found.append(by_grpc(clients[3]))))
        clients[0].raw("GET", "/v1/models/text")  # a connection that is open and idle
        slow.began.clear()
        for each in threads[1:]:
            each.start()
        assert slow.began.wait(30)
        time.sleep(0.3)
        stopping = threading.Thread(target=lambda: server.wait_for(server.stop()))
        stopping.start()
        while not server.service.stopping:
            time.sleep(0.001)
        time.sleep(0.1)
        threads[0].start()  # by the connection that was open before
        with pytest.raises(ConnectionError):
            Client(server).predict(BODY)
        stopping.join()
        for each in threads:
            each.join()
        by_http = [each for each in found if not isinstance(each, predict_pb2.PredictResponse)]
        assert [each.status for each in by_http] == [200] * 3
        assert len(found) == 4
        assert all(each.headers["Connection"] == "close" for each in by_http)
