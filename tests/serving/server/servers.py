"""Servers inside the test's process, and clients for them."""

import asyncio
import http.client
import json
import threading
from contextlib import contextmanager
from typing import NamedTuple

import grpc

from imbalance.serving.folders import find
from imbalance.serving.server.run import Server, Settings
from imbalance.serving.server.service import Limits


class Answer(NamedTuple):
    """What came back by HTTP."""

    status: int
    value: object
    headers: dict


class Client:
    """A client of one server by HTTP and gRPC, with connections that stay open."""

    def __init__(self, server):
        self.http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")

    def raw(self, method: str, path: str, body=None, headers=None) -> Answer:
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.http.request(method, path, body, headers or {})
        answer = self.http.getresponse()
        text = answer.read()
        if answer.headers.get_content_type() == "application/json":
            text = json.loads(text)
        return Answer(answer.status, text, dict(answer.headers))

    def predict(self, body, model="text") -> Answer:
        return self.raw("POST", f"/v1/models/{model}:predict", body)

    def close(self):
        self.http.close()
        self.channel.close()


@contextmanager
def running(*paths, limits=None, **settings):
    """Run a server in an event loop of its own thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(120)

    async def started():
        settings.setdefault("poll", 0.05)
        server = Server(
            [find(path) for path in paths],
            Settings(port=0, grpc_port=0, limits=limits or Limits(), **settings),
        )
        await server.start()
        return server

    try:
        server = wait(started())
        server.wait_for = wait
        yield server
        if not server.service.stopping:
            wait(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
