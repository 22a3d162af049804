"""``python -m imbalance.serving MODEL_DIR…``: serve models by TensorFlow Serving's protocol."""

import argparse
import asyncio
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from imbalance.checks import InputError, Parser, whole, wrong

_log = logging.getLogger("imbalance.serving")

# What the server needs besides the package's own requirements.
_NEEDED = ("aiohttp", "grpc", "prometheus_client", "tensorflow_serving")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 0, or 2 for wrong input."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before anything imports TensorFlow
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("imbalance").setLevel(logging.INFO)
    try:
        options = _parser().parse_args(arguments)
        if options.name and len(options.models) > 1:
            raise wrong("--name", options.name, "one MODEL_DIR with it")
        if options.port and options.port == options.grpc_port:
            raise wrong("--grpc-port", options.grpc_port, "another port than --port")
        _check_needed()
        from imbalance.serving import folders

        found = [folders.find(path, options.name) for path in options.models]
        names = [each.name for each in found]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise wrong("MODEL_DIR", twice, "models of different names")
        # TensorFlow takes seconds to import: after what can be wrong without it.
        _log.info("importing TensorFlow")
        from imbalance.serving.server import run
        from imbalance.serving.server.service import Limits

        settings = run.Settings(
            host=options.host,
            port=options.port,
            # Free ports are asked for together.
            grpc_port=options.grpc_port if options.port or options.grpc_port != 8500 else 0,
            limits=Limits(
                body=int(options.max_body * 2**20),
                batch=options.max_batch,
                batch_wait=options.batch_timeout_ms / 1000,
                queue=options.max_queue,
                seconds=options.timeout,
            ),
            versions=options.versions,
            poll=options.poll,
            grace=options.grace,
        )
        asyncio.run(run.serve(found, settings, lambda line: print(line, flush=True)))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # while TensorFlow was imported
        return 130
    return 0


def _check_needed() -> None:
    for name in _NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            raise InputError(
                f"serving needs {name}, which is not installed: "
                "pip install -r requirements-serving.txt"
            ) from None


def _number(low: float, high: float):
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"got {text!r}, expected a number from {low:g} to {high:g}"
            )
        return value

    return parse


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m imbalance.serving",
        description="Serve models by TensorFlow Serving's REST and gRPC protocols. New version "
        "folders are picked up while it runs; SIGTERM and SIGINT stop it when what was accepted "
        "is answered.",
        epilog="Exit status: 0 stopped by a signal, 2 wrong input.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="MODEL_DIR",
        help="a run folder, a folder of version folders, or one version; one model each",
    )
    add("--name", help="the model's name in URLs instead of the run's or folder's")
    add("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 lets others in")
    add(
        "--port",
        type=whole(0, 65535),
        default=8501,
        metavar="N",
        help="of REST; 0: free ones",
    )
    add("--grpc-port", type=whole(0, 65535), default=8500, metavar="N", help="0: a free one")
    add(
        "--versions",
        type=whole(1, 100),
        default=1,
        metavar="N",
        help="newest versions served",
    )
    add("--poll", type=_number(0.05, 3600), default=1, metavar="S", help="between looks for them")
    add("--max-body", type=_number(0.001, 1024), default=16, metavar="MIB", help="of a request")
    add(
        "--max-batch",
        type=whole(0, 65536),
        default=64,
        metavar="N",
        help="rows of requests that are joined into one call; 0 joins none",
    )
    add(
        "--batch-timeout-ms",
        type=_number(0, 10000),
        default=0,
        metavar="MS",
        help="wait for others to join; 0: take what waits when a core is free",
    )
    add(
        "--max-queue",
        type=whole(1, 65536),
        default=256,
        metavar="N",
        help="requests under way; one more is told to come again",
    )
    add("--timeout", type=_number(0.001, 3600), default=30, metavar="S", help="of a request")
    add("--grace", type=_number(0, 3600), default=30, metavar="S", help="to finish when stopped")
    return parser


if __name__ == "__main__":
    sys.exit(main())
