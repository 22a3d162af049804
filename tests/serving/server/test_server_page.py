"""The page: what it is told of the models, and in a browser what it shows."""

import json
import shutil
import subprocess
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Characters of two code units, and what would be a tag.
TEXT = "😀天地玄黄<b>日月</b>盈昃"


def test_it_is_told_of_each_model(client, runs):
    answer = client.raw("GET", "/page/models.json")
    assert answer.status == 200
    models = {each["name"]: each for each in answer.value["models"]}
    assert set(models) == set(runs)
    text = models["text"]
    assert (text["version"], text["labels"]) == (1, ["x", "y", "z"])
    assert text["signatures"]["explain"] == ["text"]
    assert text["card"]["network"] == "text_cnn"


def test_a_model_without_assets_is_shown_too(client, server):
    version = server.service.models["text"].version()
    assets = version.saved_model.path / "assets"
    elsewhere = assets.rename(assets.with_name("elsewhere"))
    try:
        found = client.raw("GET", "/page/models.json").value["models"]
    finally:
        elsewhere.rename(assets)
    assert next(each for each in found if each["name"] == "text")["card"] is None


@pytest.mark.parametrize("content", [b"\xff", b"no json", b"[" * 99_999, b"[1]"])
def test_a_model_with_damaged_assets_is_shown_too(client, server, content):
    card = server.service.models["text"].version().saved_model.path / "assets" / "model_card.json"
    sound = card.read_bytes()
    card.write_bytes(content)
    try:
        answer = client.raw("GET", "/page/models.json")
    finally:
        card.write_bytes(sound)
    assert answer.status == 200
    assert next(each for each in answer.value["models"] if each["name"] == "text")["card"] is None


def test_it_loads_nothing_from_elsewhere(client):
    page = client.raw("GET", "/")
    assert page.status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for name in ("page.js", "page.css"):
        file = client.raw("GET", f"/page/{name}")
        assert file.status == 200
        assert b"http" not in page.value + file.value
    assert client.raw("GET", "/page/../rest.py").status == 404


class _Shown(HTMLParser):
    """Text by the nearest id around it, and the marks with their classes."""

    def __init__(self, text: str):
        super().__init__()
        self.texts, self.marks, self._open = {}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag in ("meta", "link", "input", "br"):
            return
        known = dict(attributes)
        around = self._open[-1][0] if self._open else ""
        self._open.append((known.get("id") or around, tag))
        if tag == "mark":
            self.marks.append([known["class"], ""])

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[1] != tag:
            pass

    def handle_data(self, data):
        if self._open:
            place, tag = self._open[-1]
            self.texts[place] = self.texts.get(place, "") + data
            if tag == "mark":
                self.marks[-1][1] += data


def shown(server, address: str) -> _Shown:
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"]
    command += ["--virtual-time-budget=20000", "--dump-dom"]
    url = f"http://127.0.0.1:{server.port}/#{address}"
    return _Shown(subprocess.run([*command, url], capture_output=True, timeout=90).stdout.decode())


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_shows_label_and_evidence(client, server):
    found = shown(server, f"lang=en&model=text&text={quote(TEXT)}")
    body = {"signature_name": "explain", "inputs": {"text": [TEXT]}}
    answer = client.predict(body).value["outputs"]
    share = f"{100 * answer['score'][0]:.1f} %"
    assert found.texts["label"] == f"{answer['label'][0]} · {share}"
    assert share in found.texts["bars"]
    # The text stands there as it is, code points and tags.
    assert "".join(found.texts["text"].split()) == TEXT
    strongest = max(
        zip(answer["start"][0], answer["end"][0], answer["contribution"][0], strict=True),
        key=lambda each: abs(each[2]) if each[0] >= 0 else -1,
    )
    assert TEXT[strongest[0] : strongest[1]] in found.texts["evidence"]
    assert {kind for kind, _ in found.marks} <= {"for", "against"}
    assert found.marks


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_shows_spans_and_speaks_chinese(client, server):
    found = shown(server, f"lang=zh&model=spans&text={quote(TEXT)}")
    answer = client.predict({"inputs": {"text": [TEXT]}}, "spans").value["outputs"]
    spans = [
        TEXT[start:end]
        for start, end in zip(answer["start"][0], answer["end"][0], strict=True)
        if start >= 0
    ]
    assert spans
    marked = [text for kind, text in found.marks if kind == "span"]
    assert marked
    assert all(any(text.startswith(each) for each in spans) for text in marked)
    assert "得分" in json.dumps(found.texts, ensure_ascii=False)
