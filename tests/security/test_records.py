"""A stranger's run among one's own: its values are shown harmlessly or refused in one line."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.compare import main as compare
from src.engine.console.printable import printable
from src.engine.records.ledger import counted, looks
from src.report import main as report
from src.runs import main as runs
from tests.evaluation.classification.test_evaluation import evaluation
from tests.security.test_output import PAYLOADS, refuse_harm

OVERVIEW = {"group": "g", "seed": 1, "commit": "c", "began": "2026", "config": "x", "changed": {}}
OVERVIEW |= {"headline": "val/acc", "metrics": {"val/acc": {"mode": "max", "format": "percent"}}}
SESSION = {
    **{"began": "2026-01-02T03:04", "from_step": 0, "command": "python", "packages": {}},
    **{
        "inputs": {"threads": "1", "processes": "1"},
        "git": {"commit": "c", "status": "", "diff": ""},
    },
}
METRICS = {"test/acc": 0.5, "val/acc_best": 0.5, "steps": 1, "fit_s": 1.0}
DEEP = "[" * 10_000 + "]" * 10_000
HOSTILE = [
    "[]",
    "{}",
    '"x"',
    "9" * 4000,
    "1e999",
    "NaN",
    "null",
    "true",
    DEEP,
    '{"a":' + DEEP + "}",
]
VERBS = [["ls"], ["ls", "--sort=val"], ["show", "version_0"], ["diff", "version_0", "version_1"]]
VERBS += [["best"], ["ls", "--format=json"], ["show", "version_0", "--format=json"]]


def make_run(version: int, **files: Any) -> Path:
    folder = Path("lightning_logs") / f"version_{version}"
    folder.mkdir(parents=True, exist_ok=True)
    metrics = METRICS | {"val/acc_best": 0.5 + version / 100}
    content = {"run": OVERVIEW | {"seed": version}, "metrics": metrics, "provenance": [SESSION]}
    for name, values in (content | files).items():
        text = values if isinstance(values, str) else json.dumps(values)
        (folder / f"{name}.json").write_text(text)
    best = "best:\n  monitor: val/acc\n  mode: max\n"
    (folder / "config.yaml").write_text(f"seed_everything: 1\n{best}")
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("src.report._default", dict)
    monkeypatch.setattr("src.report._evaluate", lambda *_: None)
    monkeypatch.setattr("src.evaluation.page.draw_panels", lambda _: [])  # drawing takes long


@pytest.fixture
def undrawn(monkeypatch) -> None:
    monkeypatch.setattr("src.compare._picture", lambda *_: b"")


def outcome(verb: Callable[[list[str]], None], words: list[str], capsys) -> tuple[str, list[str]]:
    """Run a verb: what it printed and its errors; any other exception is a traceback."""
    code = 0
    capsys.readouterr()
    try:
        verb(words)
    except SystemExit as stop:
        code = stop.code
    out, error = capsys.readouterr()
    errors = [line for line in error.splitlines() if not line.startswith("note: ")]
    assert len(errors) == bool(code)
    assert all(line.startswith("error: ") for line in errors)
    return out, errors


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
@pytest.mark.parametrize("words", VERBS, ids=" ".join)
@pytest.mark.parametrize("named", [True, False])
def test_values_of_a_run_are_shown_printably(named, payload: str, words, capsys) -> None:
    texts = dict.fromkeys(("group", "began", "commit"), payload)
    session = SESSION | dict.fromkeys(("began", "command"), payload)
    session["inputs"] = SESSION["inputs"] | {payload: payload}
    session["git"] = dict.fromkeys(("commit", "status", "diff"), payload)
    texts["changed"] = {payload: payload}
    metric = {"mode": "max", "format": "number"}
    texts |= {"headline": payload, "metrics": {payload: metric}} if named else {}
    best = METRICS | {"val/acc_best": 0.9, f"{payload}_best": 0.9}
    make_run(0, run=OVERVIEW | texts, provenance=[session], metrics=best)
    make_run(1, run=OVERVIEW | texts if named else OVERVIEW)
    out, errors = outcome(runs, words, capsys)
    assert errors == []
    if "--format=json" in words:
        assert out.isascii()
        json.loads(out)
    else:
        refuse_harm(out, payload if words[0] in ("show", "diff") else payload[:1])


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_name_of_a_metric_is_shown_printably(payload: str, capsys) -> None:
    known = {"headline": payload, "metrics": {payload: {"mode": "min", "format": "number"}}}
    for version in (0, 1):
        values = METRICS | {f"{payload}_best": 0.5}
        make_run(version, run=OVERVIEW | known | {"seed": version}, metrics=values)
    out, errors = outcome(compare, ["version_0", "version_1"], capsys)
    assert errors == []
    refuse_harm(out, f"{payload}_best")


@pytest.mark.parametrize("name", ["run", "status", "seed", "val", "test", "metric"])
def test_name_of_a_metric_takes_no_other_column(name: str, capsys) -> None:
    known = {"headline": name, "metrics": {name: {"mode": "max", "format": "number"}}}
    make_run(0, run=OVERVIEW | known, metrics=METRICS | {f"{name}_best": 0.75})
    line = outcome(runs, ["ls"], capsys)[0].splitlines()[1]
    assert line.split()[:4] == ["version_0", "finished", "0.7500", "1.0"]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:5])
@pytest.mark.parametrize("name", [*OVERVIEW, "uncommitted"])
def test_wrong_value_of_an_overview_hides_no_other_run(name: str, value: str, capsys) -> None:
    text = json.dumps(OVERVIEW | {name: "VALUE"}).replace('"VALUE"', value)
    make_run(0, run=text)
    make_run(1)
    for words in VERBS:
        out, _ = outcome(runs, words, capsys)
        assert "version_1" in out or words[0] in ("show", "diff")
        assert max(map(len, out.splitlines()), default=0) < 5000


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:5])
@pytest.mark.parametrize("file", ["run", "metrics", "progress", "provenance"])
def test_file_of_anything_is_one_line(file: str, value: str, capsys) -> None:
    make_run(0, **{file: value})
    make_run(1)
    for words in VERBS:
        errors = outcome(runs, words, capsys)[1]
        assert not errors or f"{file}.json is damaged" in errors[0]
    outcome(compare, ["version_0", "version_1"], capsys)
    outcome(report, ["version_0"], capsys)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:5])
@pytest.mark.parametrize("name", [*SESSION, *METRICS, "step", "validations"])
def test_wrong_value_is_one_line(name: str, value: str, capsys) -> None:
    part = {"provenance": [SESSION | {name: "VALUE"}]} if name in SESSION else {}
    part |= {"metrics": METRICS | {name: "VALUE"}} if name in METRICS else {}
    part = part or {"progress": {name: "VALUE"}}
    make_run(0, **{key: json.dumps(each).replace('"VALUE"', value) for key, each in part.items()})
    make_run(1)
    for words in VERBS:
        out, _ = outcome(runs, words, capsys)
        assert "version_1" in out or words[0] != "ls"
    outcome(compare, ["version_0", "version_1"], capsys)
    outcome(report, ["version_0"], capsys)


@pytest.mark.parametrize("value", ["1e999", "NaN", "1e308", "-1e308", "null"])
def test_picture_of_any_number_is_drawn_or_refused(value: str, capsys) -> None:
    for version in range(4):
        group = {"group": "gh"[version % 2], "seed": version // 2}
        text = json.dumps(METRICS | {"test/acc": "VALUE"}).replace('"VALUE"', value)
        make_run(version, run=OVERVIEW | group, **({} if version else {"metrics": text}))
    outcome(compare, ["g", "h"], capsys)


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:5])
def test_summary_of_anything_is_one_line(value: str, capsys) -> None:
    folder = make_run(0) / "evaluation" / "last_test"
    folder.mkdir(parents=True)
    whole = evaluation().summary
    for name in (*whole, "sha256"):
        text = json.dumps(whole | {name: "VALUE"}).replace('"VALUE"', value)
        (folder / "summary.json").write_text(text)
        errors = outcome(report, ["version_0"], capsys)[1]
        assert not errors or "summary.json is damaged" in errors[0] or value in ("[]", "{}")


def test_damaged_run_is_named(capsys) -> None:
    make_run(0, metrics='{"val/acc_best": [1]}')
    make_run(1)
    runs(["ls"])
    out, error = capsys.readouterr()
    assert [line.split()[1] for line in out.splitlines()[1:]] == ["damaged", "finished"]
    assert error.startswith("note: /")
    assert "version_0/metrics.json is damaged (val/acc_best is of type list): delete it" in error


def test_pipe_and_endless_file_are_not_waited_for(capsys) -> None:
    folder = make_run(0)
    for name in ("run", "metrics", "progress", "provenance"):
        (folder / f"{name}.json").unlink(missing_ok=True)
    os.mkfifo(folder / "run.json")
    (folder / "metrics.json").symlink_to("/dev/zero")
    with (folder / "provenance.json").open("wb") as file:
        file.truncate(2**40)
    assert outcome(runs, ["ls"], capsys)[1] == []
    assert "larger than" in outcome(runs, ["show", "version_0"], capsys)[1][0]


def test_wide_value_does_not_widen_every_line(capsys) -> None:
    make_run(0, run=OVERVIEW | {"group": "g" * 10**7, "changed": {"x" * 10**7: 1}})
    for version in range(1, 50):
        make_run(version)
    began = time.perf_counter()
    assert len(outcome(runs, ["ls"], capsys)[0]) < 10**5
    assert time.perf_counter() - began < 5


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["../../x", *PAYLOADS])
def test_other_groups_can_be_compared_beside_a_false_one(name: str, capsys) -> None:
    make_run(0, run=OVERVIEW | {"group": name})
    make_run(1)
    make_run(2, run=OVERVIEW | {"group": "h"})
    out, errors = outcome(compare, ["g", "h"], capsys)
    assert errors == []
    assert out.split("\n") == [*map(printable, out.split("\n"))]


@pytest.mark.parametrize("line", ["[]", "1", '{"network": []}', DEEP, '{"config": {}}', "NaN"])
def test_false_line_of_the_ledger_is_left_out(line: str, tmp_path: Path) -> None:
    file = tmp_path / "lightning_logs" / "test_looks.jsonl"
    file.parent.mkdir()
    file.write_text(f'{line}\n{{"network": "a", "config": "b"}}\n')
    assert counted(looks(tmp_path), "b").startswith("1 look at 1 network of 1 configuration")
