"""The page at ``/``: paste a text, see what the model answers and why.

It is plain files without a step of building, asks only this server, and needs no network. What
it shows of a model stands in ``/page/models.json``; answers come by ``:predict`` as anyone's do.
"""

import json
from pathlib import Path

from aiohttp import web

from imbalance.serving.server.service import Service

INDEX = "index.html"
_FOLDER = Path(__file__).with_name("page")
_ASSETS = "assets"
# Nothing of elsewhere is loaded or asked, whatever a model's texts say; widths of bars are styles.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def file(name: str) -> web.FileResponse:
    """Return a file of the page.

    Raises:
        HTTPNotFound: there is none of that name.
    """
    path = next((each for each in _FOLDER.iterdir() if each.name == name), None)
    if path is None:
        raise web.HTTPNotFound
    return web.FileResponse(path, headers=_HEADERS)


def models(service: Service) -> list[dict]:
    """Return what the page shows of each model, its newest version.

    Returns:
        For each model ``name``, ``version``, ``signatures`` (name to names of the inputs),
        ``labels`` in the order of their ids and ``card``, those that the SavedModel brings along
        in ``assets/``, else null, as where they are damaged.
    """
    found = []
    for name, model in service.models.items():
        version = model.version()
        folder = version.saved_model.path / _ASSETS
        labels = _read(folder / "labels.txt")
        card = _read(folder / "model_card.json")
        found.append(
            {
                "name": name,
                "version": version.number,
                "signatures": {
                    key: list(signature.inputs)
                    for key, signature in version.saved_model.signatures.items()
                },
                "labels": labels and labels.removesuffix("\n").split("\n"),
                "card": _object(card),
            }
        )
    return found


def _read(path: Path) -> str | None:
    """Return what a file says; a model is served without its page's words if they are damaged."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeError):
        return None


def _object(text: str | None) -> dict | None:
    try:
        found = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
