from contextlib import closing
from types import SimpleNamespace
from typing import ClassVar

import pytest

from src.engine.jobs.live import Live
from src.engine.records.metric import Metric

ACC = Metric("val/acc", "max")


def test_bars_show_each_run_on_a_terminal(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    record = SimpleNamespace(progress={"step": 30, "steps": 120}, best_val=0.98765, headline=ACC)
    with closing(Live(2)) as live:
        live.show({1: ("seed_4", record)}, 2, 5)
        live.say("seed 3 is done")
    text = capsys.readouterr().err
    assert "seed_4" in text
    assert "30/120" in text
    assert "val/acc 0.9877" in text
    assert "2/5" in text
    assert "seed 3 is done\n" in text


def test_file_gets_lines_only(capsys) -> None:
    with closing(Live(1)) as live:
        live.show({0: ("seed_1", None)}, 0, 1)
        live.say("seed 1 is done")
        live.say("")
    assert capsys.readouterr().err == "seed 1 is done\n"


class Bar:
    """Keeps what it is told."""

    made: ClassVar[list["Bar"]] = []
    write = staticmethod(lambda *_, **__: None)

    def __init__(self, **options: object) -> None:
        self.options, self.drawn, self.closed, self.texts = options, 0, False, {}
        self.made.append(self)

    def set_description_str(self, text: str, refresh: bool) -> None:
        self.texts["name"] = text, refresh

    def set_postfix_str(self, text: str, refresh: bool) -> None:
        self.texts["after"] = text, refresh

    def refresh(self) -> None:
        self.drawn += 1

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("terminal", [True, False])
def test_each_place_has_its_bar(terminal: bool, monkeypatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    monkeypatch.setattr("src.engine.jobs.live.tqdm", Bar)
    monkeypatch.setattr(Bar, "made", [])
    fresh = SimpleNamespace(progress={"step": 3, "steps": None}, best_val=None, headline=None)
    known = SimpleNamespace(progress={"step": 5, "steps": 9}, best_val=0.5, headline=ACC)
    with closing(Live(3)) as live:
        whole, *bars = Bar.made
        live.show({0: ("a", fresh), 2: ("b\x1b", known)}, 4, 7)
        found = [(bar.n, bar.total, bar.drawn) for bar in (whole, *bars)]
        assert found == [(4, 7, 1), (3, 1, 1), (0, 1, 1), (5, 9, 1)]
    assert [bar.options.get("position") for bar in Bar.made] == [None, 1, 2, 3]
    assert {bar.options["disable"] for bar in Bar.made} == {not terminal}
    assert [bar.options.get("leave") for bar in Bar.made] == [None, False, False, False]
    assert {bar.options["total"] for bar in Bar.made} == {1}
    assert [bar.texts["after"] for bar in bars] == [
        ("", False),
        ("", False),
        ("val/acc 0.5000", False),
    ]
    assert [bar.texts["name"][0] for bar in (whole, *bars[:2])] == ["runs", "a", ""]
    assert "\x1b" not in bars[2].texts["name"][0]
    assert all(bar.closed for bar in Bar.made)
