"""The page about runs."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

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
    assert {address[0] for address in addresses} == {"#"}  # of the same page


def test_page_allows_its_own_script_alone(tmp_path: Path) -> None:
    text = render([section("a", tmp_path)], {}, "now")
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src"
    assert f"{policy} 'sha256-{digest}'\"" in text


def test_what_is_wide_can_be_scrolled_by_keyboard(tmp_path: Path) -> None:
    runs = [section("a", tmp_path, lr=1), section("b", tmp_path)]
    text = render(runs, {}, "now", [GroupSection("g", "text", [])])
    boxes = re.findall(r'<(?:div class="scroll|pre)[^>]*>', text)
    assert len(boxes) > 8
    for box in boxes:
        assert re.search(r'role="region" aria-label="[^"]+" tabindex="0"', box)
    labels = re.findall(r'class="scroll[^>]*aria-label="([^"]+)"', text)
    assert len({*labels}) == len(labels)


def test_note_of_a_curve_is_under_it(tmp_path: Path) -> None:
    run = section("a", tmp_path)
    run.notes = {"train/loss": "is <smoothed>", "val/loss": "is not drawn"}
    text = render([run], {}, "now")
    assert '<figcaption class="soft">train/loss is &lt;smoothed&gt;. </figcaption>' in text
    assert "is not drawn" not in text
    assert "told apart" not in text


def test_many_runs_have_a_short_title(tmp_path: Path) -> None:
    text = render([section(f"v{n}", tmp_path) for n in range(9)], {}, "now")
    assert "<h1>9 runs</h1>" in text
    assert "The first 8 runs have colours and marks, the others are grey." in text
    assert "<h1>v0, v1</h1>" in render([section(f"v{n}", tmp_path) for n in range(2)], {}, "now")


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
    assert 'alt="parallel coordinates of mine"' in text


METRICS = {
    "val/acc_best": 0.9876,
    "epochs": 12,
    "steps": 6600,
    "fit_s": 61.25,
    "to_target_s": 30.04,
    "train/samples_per_s": 12345.6,
    "memory_mib": 1024.4,
    "gpu_memory_mib": 2048.0,
}
SHARE = {"share": 0.9912, "interval": [0.9892, 0.9929], "images": 10000}
SUMMARY = {
    "class_names": ["a", "b"],
    "accuracy": SHARE,
    "undisputed": SHARE | {"images": 9985},
    "loss": 0.025,
    "ece": 0.002,
    "calibrated": {"loss": 0.0249, "ece": 0.0019},
    "temperature": 1.25,
    "confused": [],
    "confusion": [[1, 0], [0, 1]],
    "classes": {name: [1.0, 1.0] for name in ("precision", "recall", "f1", "images")},
    "mistakes": [],
}
OVERVIEW = {
    "Test accuracy": "99.12% (95% interval 98.92% to 99.29%, n = 10,000)",
    "… where the label is undisputed": "99.12% (95% interval 98.92% to 99.29%, n = 9,985)",
    "Looks at the test set": "3 looks",
    "Best val/acc": "0.9876",
    "Test loss": "0.0250",
    "… calibrated": "0.0249",
    "Calibration error (ECE)": "0.0020",
    "… calibrated ": "0.0019",
    "Temperature, fitted on val": "1.250",
    "Epochs": "12",
    "Steps": "6,600",
    "Training": "61.2 s",
    "To the target": "30.0 s",
    "Samples per second": "12,346",
    "Peak memory": "1,024 MiB",
    "Peak GPU memory": "2,048 MiB",
    "Device": "cpu",
    "Commit": "0123456789 and uncommitted changes",
    "Began": "2026-01-01 00:00",
}


def overview(*sections: Section) -> dict[str, list[str]]:
    """Read the first table of the page."""
    table = render(sections, {}, "now").partition("</table>")[0]
    row = r'<tr><th scope="row">(.*?)</th>(.*?)</tr>'
    return {name: re.findall("<td>(.*?)</td>", cells) for name, cells in re.findall(row, table)}


def test_first_table_has_all_that_is_compared(tmp_path: Path) -> None:
    git = {"commit": "0123456789abcdef", "status": " M x", "diff": ""}
    last = SESSION | {"began": "2027", "git": git, "inputs": {"device": "cpu"}}
    run = Section("a", METRICS, {}, [SESSION, last], {}, SUMMARY, tmp_path, {}, "3 looks")
    assert overview(run) == {name: [text] for name, text in OVERVIEW.items()}


@pytest.mark.parametrize("disputed", [True, False])
def test_disputed_labels_are_spoken_of_where_there_are_some(tmp_path: Path, disputed: bool) -> None:
    summary = SUMMARY if disputed else SUMMARY | {"undisputed": None}
    run = Section("a", METRICS, {}, [SESSION], {}, summary, tmp_path, {})
    text = render([section("b", tmp_path), run], {}, "now")
    assert "First what was predicted, then the label" in text
    assert ("people dispute" in text) == disputed


def test_rows_that_no_run_has_are_left_out(tmp_path: Path) -> None:
    clean = SESSION | {"git": {"commit": "0123456789abcdef", "status": ""}, "inputs": {}}
    bare = Section("b", {"epochs": 0}, {}, [clean], {}, None, tmp_path, {})
    assert overview(Section("a", {}, {}, [], {}, None, tmp_path, {}), bare) == {
        "Epochs": ["\N{EN DASH}", "0"],
        "Commit": ["\N{EN DASH}", "0123456789"],
        "Began": ["\N{EN DASH}", "2026-01-01 00:00"],
    }


@pytest.mark.parametrize(("mode", "head"), [("last", "Last"), ("last-min", "Last"), (None, "Best")])
def test_kept_state_is_called_what_it_is(tmp_path: Path, mode: str | None, head: str) -> None:
    run = Section("a", {"x_best": 0.5}, {"best.mode": mode}, [], {}, None, tmp_path, {})
    assert overview(run) == {f"{head} x": ["0.5000"]}


def test_figures_of_any_task_are_in_the_first_table(tmp_path: Path) -> None:
    metrics = {
        "val_rmse_best": 0.5,
        "test/rmse": 0.75,
        "test/mae": 0.25,
        "test_mse": 1.25e-6,
        "test_nan": None,
        "fit_s": 1.0,
    }
    assert overview(Section("a", metrics, {}, [], {}, None, tmp_path, {})) == {
        "Best val_rmse": ["0.5000"],
        "test/mae": ["0.2500"],
        "test/rmse": ["0.7500"],
        "test_mse": ["1.25e-06"],
        "test_nan": ["not finite"],
        "Training": ["1.0 s"],
    }
