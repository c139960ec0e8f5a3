"""The page about runs."""

import re
from pathlib import Path
from typing import Any

from src.evaluation.page import render
from src.evaluation.section import GroupSection, Section

SESSION = {
    "began": "2026-01-01T00:00:00+00:00",
    "from_step": 0,
    "command": "python -m src.train",
    "git": {"commit": "", "status": "", "diff": ""},
    "inputs": {"device": "<b>a processor</b>"},
    "packages": {"torch": "2"},
}


def section(name: str, folder: Path, **settings: Any) -> Section:
    curves = {"train/loss": [(1, 2.0), (2, 1.0)]}
    return Section(name, {"epochs": 2}, settings, [SESSION], curves, None, folder, {"go on": "x"})


def test_only_other_settings_are_listed(tmp_path: Path) -> None:
    runs = [section("a", tmp_path, lr=0.1, width=16), section("b", tmp_path, lr=0.2, width=16)]
    text = render(runs, {"lr": 0.1, "width": 16}, "now")
    table = text.partition('id="configuration"')[2].partition("<details>")[0]
    assert "<code>lr</code>" in table
    assert "<code>width</code>" not in table
    assert table.count("differs") - table.count("What differs") == 1


def test_page_needs_no_other_file(tmp_path: Path) -> None:
    text = render([section("a", tmp_path)], {}, "now")
    addresses = re.findall(r'(?:src|href)="([^"]{0,5})', text)
    assert addresses
    assert set(addresses) == {"data:"}


def test_text_of_a_run_is_escaped(tmp_path: Path) -> None:
    text = render([section("a", tmp_path)], {}, "now")
    assert "<b>a processor</b>" not in text
    assert "&lt;b&gt;a processor&lt;/b&gt;" in text


def test_run_without_evaluation_says_so(tmp_path: Path) -> None:
    assert "Not evaluated." in render([section("a", tmp_path)], {}, "now")


def test_group_shows_its_text_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "parallel_coordinates.png").write_bytes(b"png")
    group = GroupSection("mine", "3 runs <of>", [tmp_path / "parallel_coordinates.png"])
    text = render([section("a", tmp_path)], {}, "now", [group])
    assert "<h3>mine</h3>" in text
    assert "3 runs &lt;of&gt;" in text
    assert 'alt="parallel coordinates"' in text
