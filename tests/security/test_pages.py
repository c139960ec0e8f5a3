"""What a stranger's names and values do to the pages that a browser shows: nothing."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from src.deployment.demo_page import content_policy, demo_page
from src.engine.console.printable import printable
from src.evaluation.page import render
from src.evaluation.section import GroupSection, Section
from tests.evaluation.classification.test_evaluation import evaluation

PAYLOADS = [
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onerror='alert(1)",
    "javascript:alert(1)",
    "</style><img src=x>",
    "</pre></title></code><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% for %}",
    "--><a href=x>",
    "\x1b[2J\u202egnp\u2066\x00\ud800",
    "a\nb",
]
each_payload = pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
Markup = list[tuple[str, list[str]]]


class Reader(HTMLParser):
    """Notes the elements of a page with the names of their attributes, and its addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.markup: Markup = []
        self.addresses: list[str | None] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.markup.append((tag, [name for name, _ in attrs]))
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self.markup.append((f"/{tag}", []))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def numbers() -> tuple[dict[str, Any], bytes]:
    made = evaluation(num_mistakes=3)
    return made.summary, made.files({})["predictions.npz"]


def page(word: str, folder: Path, numbers: tuple[dict[str, Any], bytes]) -> str:
    """Write a report in which everything that can be a text is this word."""
    (folder / "predictions.npz").write_bytes(numbers[1])
    (folder / "reliability.png").write_bytes(word.encode(errors="replace"))
    summary = json.loads(json.dumps(numbers[0]))
    summary["class_names"] = [word] * 10
    for mistake in summary["mistakes"]:
        mistake.update(dict.fromkeys(("index", "label", "prediction"), word))
    session = dict.fromkeys(("began", "from_step", "command"), word) | {
        **{"git": {"commit": word, "status": word}, "changes": [[word, word, word]]},
        **{"inputs": {word: word, "device": word}, "packages": {word: word}},
    }
    settings, commands = {word: word, "list": [word]}, {word: word}
    run = (word, {}, settings, [session], {}, summary, folder, commands, word)
    sections = [Section(*run), Section(*run)]
    group = GroupSection(word, word, [])
    return render(sections, {word: None}, word, [group])


@each_payload
def test_report_shows_texts_as_texts(payload: str, tmp_path: Path, numbers, monkeypatch) -> None:
    monkeypatch.setattr("src.evaluation.page.draw_panels", lambda _: [])  # drawing takes long
    text = page(payload, tmp_path, numbers)
    text.encode()
    found, plain = Reader(text), Reader(page("plain", tmp_path, numbers))
    assert found.markup == plain.markup
    assert all(address.startswith("data:image/") for address in found.addresses)
    assert printable(payload) in found.text
    lines = text.split("\n")
    assert lines == [*map(printable, lines)]


@each_payload
def test_demo_shows_texts_as_texts(payload: str) -> None:
    text = demo_page(payload, payload, [payload])
    text.encode()
    found, plain = Reader(text), Reader(demo_page("plain", "plain", ["plain"]))
    assert found.markup == plain.markup
    assert found.addresses == plain.addresses
    assert printable(payload) in found.text
    assert content_policy(text) == content_policy(demo_page("plain", "plain", ["plain"]))
