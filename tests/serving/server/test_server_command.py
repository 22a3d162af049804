"""The command: wrong arguments are one line; SIGTERM under requests ends it without a failure."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from imbalance.checks import InputError
from imbalance.serving import __main__ as command
from imbalance.serving import folders
from imbalance.serving.server.run import Server, Settings

BODY = json.dumps({"instances": ["天地玄黄"]})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "model: got"),
        (["nowhere", "--max-batch", "-1"], "--max-batch: got '-1'"),
        (["nowhere", "--timeout", "nan"], "--timeout: got 'nan'"),
        (["nowhere", "--port", "70000"], "0 to 65535"),
        (["nowhere", "--port", "1850", "--grpc-port", "1850"], "--grpc-port: got 1850"),
        ([], "--help"),
        (["a", "b", "--name", "x"], "--name"),
    ],
)
def test_wrong_arguments(arguments, says, capsys):
    assert command.main(arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert says in message


def test_a_missing_library_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert command.main(["nowhere"]) == 2
    assert "aiohttp" in capsys.readouterr().err


def test_sigterm_under_requests(runs, tmp_path):
    arguments = [sys.executable, "-m", "imbalance.serving", str(runs["text"].path), "--port", "0"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        address = process.stdout.readline().split()[1]
        assert process.stdout.readline().startswith("gRPC: 127.0.0.1:")
        port = int(address.split(":")[2].split("/")[0])
        statuses, failures = [], []

        def ask():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            while True:
                try:
                    connection.connect()
                except ConnectionError:  # it listens no more
                    return
                try:
                    closing = False
                    while not closing:
                        connection.request("POST", "/v1/models/text:predict", BODY)
                        answer = connection.getresponse()
                        statuses.append(answer.status)
                        closing = answer.headers.get("Connection") == "close"
                        answer.read()
                except OSError as error:
                    failures.append(error)
                connection.close()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for each in threads:
            each.start()
        until = time.monotonic() + 60
        while len(statuses) < 50:
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGTERM)
        for each in threads:
            each.join(60)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert failures == []
    assert set(statuses) == {200}
    told = (tmp_path / "log").read_text()
    waits = ("importing TensorFlow\n", "text: loading version 1\n", "text: version 1 is served: ")
    assert re.search(".*".join(map(re.escape, waits)), told, re.DOTALL), told


@pytest.mark.parametrize("argument", ["port", "grpc_port"])
def test_a_port_that_is_taken(runs, argument):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        folder = folders.find(runs["text"].path)
        settings = Settings(**{"port": 0, "grpc_port": 0, argument: port})
        flag = f"--{argument.replace('_', '-')}: got {port}"
        with pytest.raises(InputError, match=flag):
            asyncio.run(Server([folder], settings).start())
