"""The REST API: ``/v1/models/NAME[/versions/V][:predict|/metadata]``, and ``/metrics``."""

import asyncio
import json
import logging

from aiohttp import HttpVersion11, web

from imbalance.serving.server import bodies, page
from imbalance.serving.server.errors import RETRY_SECONDS, RequestError, one_line
from imbalance.serving.server.metrics import CONTENT_TYPE
from imbalance.serving.server.service import SIGNATURES, Service, as_json

SERVICE = web.AppKey("service", Service)

_log = logging.getLogger("imbalance.serving")


def application(service: Service) -> web.Application:
    """Return the application that answers requests by HTTP."""
    app = web.Application(middlewares=[_counted], client_max_size=service.limits.body)
    app[SERVICE] = service
    for base in ("/v1/models/{name:[^/:]+}", r"/v1/models/{name:[^/:]+}/versions/{version:\d+}"):
        app.router.add_post(base + ":predict", _predict, expect_handler=_expected)
        app.router.add_get(base, _status)
        app.router.add_get(base + "/metadata", _metadata)
    app.router.add_get("/metrics", _metrics)
    app.router.add_get("/", _page)
    app.router.add_get("/page/models.json", _models)
    app.router.add_get("/page/{name}", _page)
    return app


async def _predict(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    loop = asyncio.get_running_loop()
    end = loop.time() + service.limits.seconds
    with service.place():
        version = service.model(request.match_info["name"]).version(_number(request))
        with version.used() as saved_model:
            try:
                async with asyncio.timeout_at(end):
                    body = bodies.parse(await request.read())
            except TimeoutError:
                raise web.HTTPRequestTimeout(text="the body took too long") from None
            signature = saved_model.signature(bodies.signature_name(body))
            arrays, in_rows = bodies.to_arrays(body, signature.inputs)
            outputs = await service.predict(signature, arrays, end)
        return _json(bodies.to_body(outputs, in_rows))


async def _status(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    return _json(as_json(service.status(request.match_info["name"], _number(request))))


async def _metadata(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    spec, signatures = service.metadata(request.match_info["name"], _number(request))
    # Not as an `Any`, which would say its type: as TensorFlow Serving writes it.
    return _json({"model_spec": as_json(spec), "metadata": {SIGNATURES: as_json(signatures)}})


async def _metrics(request: web.Request) -> web.Response:
    text = request.app[SERVICE].metrics.text()
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})


async def _page(request: web.Request) -> web.FileResponse:
    return page.file(request.match_info.get("name", page.INDEX))


async def _models(request: web.Request) -> web.Response:
    found = await asyncio.to_thread(page.models, request.app[SERVICE])
    return _json({"models": found})


async def _expected(request: web.Request) -> None:
    """Ask a client that waits with its body for it, unless the body is refused unread.

    Other expectations are passed over, as HTTP lets a server do: aiohttp refuses them in plain
    text.
    """
    awaited = request.headers["Expect"].lower() == "100-continue"
    if awaited and request.version >= HttpVersion11 and not _too_large(request):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # of the answer nothing is sent yet


_ROUTES = {_predict: "predict", _status: "status", _metadata: "metadata", _metrics: "metrics"}


@web.middleware
async def _counted(request: web.Request, handler) -> web.StreamResponse:
    """Count and time each request, and say in JSON what was wrong with it."""
    service = request.app[SERVICE]
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        if _too_large(request):  # announced: nothing is waited for
            raise web.HTTPRequestEntityTooLarge(service.limits.body, request.content_length)
        response = await handler(request)
    except ConnectionError:
        raise  # the client has gone
    except Exception as error:
        response = _refusal(request, error)
    if service.stopping:
        response.force_close()
    route = _ROUTES.get(request.match_info.handler, "other")
    service.metrics.request("rest", route, str(response.status), loop.time() - start)
    return response


def _refusal(request: web.Request, error: Exception) -> web.Response:
    """Return the answer that says what went wrong."""
    if isinstance(error, RequestError):
        response = _error(error.http_status, str(error))
        if error.http_status == 503:
            response.headers["Retry-After"] = str(RETRY_SECONDS)
        return response
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = sorted(error.allowed_methods)
        response = _error(405, f"method: got {request.method}, expected {' or '.join(allowed)}")
        response.headers["Allow"] = ", ".join(allowed)
        return response
    if isinstance(error, web.HTTPNotFound):
        return _unknown(request)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return _error(413, f"body: more than {request.app[SERVICE].limits.body} bytes")
    if isinstance(error, web.HTTPException):
        return _error(error.status, error.text or error.reason)
    if isinstance(error, web.RequestPayloadError):  # compressed, and broken
        return _error(400, f"body: {getattr(error.__cause__, 'message', error)}")
    _log.error("%s %s", request.method, request.path, exc_info=error)
    return _error(500, "an error of the server, see its log")


def _unknown(request: web.Request) -> web.Response:
    """Return the answer for a path that is none: 400 among models, as of TensorFlow Serving."""
    path = request.path[:200]
    if path.startswith("/v1/"):
        expected = "/v1/models/NAME[/versions/V] with nothing, /metadata or :predict after it"
        return _error(400, f"malformed request: {request.method} {path}, expected {expected}")
    return _error(404, f"path: got {path!r}, expected /v1/models/NAME, /metrics or /")


def _too_large(request: web.Request) -> bool:
    return (request.content_length or 0) > request.app[SERVICE].limits.body


def _number(request: web.Request) -> int | None:
    version = request.match_info.get("version")
    # Python converts no number of thousands of digits.
    if version is not None and (len(version) > 19 or int(version) >= 2**63):
        raise RequestError("INVALID_ARGUMENT", f"version: got {version[:40]}, expected an int64")
    return None if version is None else int(version)


def _json(value, status: int = 200) -> web.Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return web.Response(
        body=text.encode("utf-8"), status=status, content_type="application/json", charset="utf-8"
    )


def _error(status: int, message: str) -> web.Response:
    return _json({"error": one_line(message)}, status)
