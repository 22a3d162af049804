"""From the start of the server to its end: load, listen, and stop without failing a request."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from imbalance.checks import wrong
from imbalance.serving.folders import ModelFolder
from imbalance.serving.server import rest, rpc
from imbalance.serving.server.model import Model
from imbalance.serving.server.service import Limits, Service

_log = logging.getLogger("imbalance.serving")

# For how long a stopping server still answers what comes by connections that are open.
_LAST_REQUESTS = 0.5


@dataclass(frozen=True)
class Settings:
    """How a server runs.

    Attributes:
        host: address to listen on.
        port, grpc_port: 0 takes a free one.
        limits: what a request may take.
        versions: how many of the newest versions of a model are served.
        poll: seconds between two looks for new versions.
        grace: seconds that requests get to end when the server stops.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    grpc_port: int = 8500
    limits: Limits = field(default_factory=Limits)
    versions: int = 1
    poll: float = 1.0
    grace: float = 30.0


class Server:
    """A server that runs in the event loop it was started in.

    Args:
        folders: the models' folders.
        settings: how it runs.

    Attributes:
        port, grpc_port: where it listens, once it has started.
    """

    def __init__(self, folders: Sequence[ModelFolder], settings: Settings):
        self._settings = settings
        self._models = [Model(folder, settings.versions) for folder in folders]
        self.service = Service(self._models, settings.limits)
        self._runner = self._site = self._rpc = None
        self._watching: list[asyncio.Task] = []
        self.port = self.grpc_port = 0

    async def start(self) -> None:
        """Load the models and listen.

        Raises:
            InputError: a model cannot be loaded or a port cannot be had.
        """
        for model in self._models:
            await model.start()
        settings = self._settings
        self._runner = web.AppRunner(
            rest.application(self.service), access_log=None, shutdown_timeout=settings.grace
        )
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, settings.host, settings.port, backlog=1024)
        try:
            await self._site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise wrong("--port", settings.port, f"a free port ({error.strerror})") from None
        self.port = self._runner.addresses[0][1]
        self._rpc = rpc.server(self.service)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        try:
            self.grpc_port = self._rpc.add_insecure_port(f"{host}:{settings.grpc_port}")
        except RuntimeError:
            await asyncio.gather(self._runner.cleanup(), self._rpc.stop(None))
            raise wrong("--grpc-port", settings.grpc_port, "a free port") from None
        await self._rpc.start()
        self._watching = [asyncio.create_task(model.watch(settings.poll)) for model in self._models]

    async def stop(self) -> None:
        """Accept no more connections, answer what was accepted, and end."""
        for each in self._watching:
            each.cancel()
        # From here on each answer asks its client to close the connection. Connections that are
        # idle stay a moment: a request may be on its way by one of them.
        self.service.stopping = True
        await self._site.stop()
        by_rpc = asyncio.create_task(self._rpc.stop(self._settings.grace))
        await asyncio.sleep(min(_LAST_REQUESTS, self._settings.grace))
        await asyncio.gather(self._runner.cleanup(), by_rpc)
        self.service.close()


async def serve(
    folders: Sequence[ModelFolder], settings: Settings, say: Callable[[str], None] = print
) -> None:
    """Serve until SIGTERM or SIGINT."""
    # It would log a traceback for each client that breaks HTTP; ours are logged by `rest`.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    server = Server(folders, settings)
    await server.start()
    for folder in folders:
        say(f"REST: http://{settings.host}:{server.port}/v1/models/{folder.name}")
    say(f"gRPC: {settings.host}:{server.grpc_port}")
    await stop.wait()
    _log.info("stopping: finishing what was accepted")
    await server.stop()
    if server.service.computing:
        # A call cannot be interrupted, and the interpreter would wait for it.
        _log.warning("stopped: a call took longer than the %g s of --grace", settings.grace)
        sys.stdout.flush()
        os._exit(0)
    _log.info("stopped")
