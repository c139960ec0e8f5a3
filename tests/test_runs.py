"""`python -m src.runs` as a user types it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.engine.jobs.group import Group
from src.engine.records.metric import Metric
from src.report import _best_of
from src.runs import _parser, main
from tests.conftest import Train
from tests.test_train import refusal_of


@pytest.fixture
def runs(train: Train) -> None:
    train("--trainer.max_epochs=1", "--seed_everything=3", "--model.optimizer.lr=0.00001")
    train("--trainer.max_epochs=2", "--group=mine")


def said(capsys, *words: str) -> str:
    capsys.readouterr()
    main([*words])
    return capsys.readouterr().out


@pytest.mark.usefixtures("runs")
def test_runs_are_listed_shown_compared_and_chosen(capsys) -> None:
    head, first, second = said(capsys, "ls").splitlines()
    assert head.split()[:4] == ["run", "status", "val/acc", "test/acc"]
    assert first.split()[:2] == ["version_0", "finished"]
    assert "lr=1e-05" in first
    assert "mine" in second
    assert len(json.loads(said(capsys, "ls", "--group=mine", "--format=json"))) == 1
    assert said(capsys, "ls", "--sort=val").splitlines()[1].startswith("version_1")
    assert "checkpoints/version_1/best.ckpt" in said(capsys, "best")
    shown = said(capsys, "show", "version_0")
    assert "model.optimizer.lr: 1e-05" in shown
    assert "--ckpt_path checkpoints/version_0" in shown
    found = said(capsys, "diff", "version_0", "last")
    assert "seed: 3 -> 0" in found
    assert "model.optimizer.lr: 1e-05 -> 0.005" in found
    assert "environment: the same" in found


@pytest.mark.usefixtures("runs")
def test_runs_are_removed_only_on_purpose(capsys, monkeypatch) -> None:
    code, line = refusal_of(capsys, lambda: main(["rm", "version_0"]))
    assert (code, "--yes" in line) == (2, True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert said(capsys, "rm", "version_0") == "nothing was removed\n"
    assert Path("checkpoints/version_0").is_dir()
    monkeypatch.setattr("builtins.input", lambda _: "y")
    said(capsys, "rm", "version_0")
    assert not Path("checkpoints/version_0").exists()
    assert not Path("lightning_logs/version_0").exists()
    assert Path("lightning_logs/version_1").exists()


def test_status_tells_what_became_of_a_run(train: Train, capsys) -> None:
    train("--trainer.max_epochs=1")
    for folder in ("lightning_logs", "checkpoints"):  # this process holds the first one
        shutil.copytree(f"{folder}/version_0", f"{folder}/version_1")
    logs = Path("lightning_logs/version_1")

    def status() -> str:
        return json.loads(said(capsys, "ls", "--format=json"))[1]["status"]

    assert status() == "finished"
    code = (
        "import sys; from pathlib import Path; from src.engine.files.lock import hold; "
        f"hold(Path({str(Path('checkpoints/version_1').resolve())!r})); "
        "print(1, flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, cwd=root) as other:
        other.stdout.readline()
        assert status() == "running"
        assert refusal_of(capsys, lambda: main(["rm", "--yes", "last"]))[0] == 2
        other.communicate()
    (logs / "metrics.json").unlink()
    assert status() == "interrupted"
    (logs / "traceback.txt").write_text("x")
    assert status() == "failed"


def test_list_needs_no_torch_and_reads_small_files_only(train: Train) -> None:
    train("--trainer.max_epochs=1")
    for folder in ("lightning_logs", "checkpoints"):
        for number in range(1, 50):
            shutil.copytree(f"{folder}/version_0", f"{folder}/version_{number}")
            (Path(folder) / f"version_{number}" / "config.yaml").write_bytes(b"never read")
    code = (
        "import sys; from src.runs import main; main(['ls']); "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0
    assert done.stdout.count("finished") == 49  # and one is held by this process


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["best"], "no run here has a metric to be judged by (train --best.monitor NAME)"),
        (["ls", "--group=x"], "--group x: no run here belongs to it"),
        (["show", "last"], "there is no run in checkpoints"),
        (["diff", "version_0"], "the following arguments are required: B"),
        ([], "the following arguments are required: action"),
    ],
)
def test_wrong_command_is_one_line(words, expected, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, line = refusal_of(capsys, lambda: main(words))
    assert (code, expected in line) == (2, True)


def test_empty_folder_says_how_to_begin(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert "src.train makes one" in said(capsys, "ls")


ACC, RMSE = Metric("val/acc", "max", "percent"), Metric("val/rmse", "min")


class Run(SimpleNamespace):
    """Stand in for where a run is."""

    __hash__ = object.__hash__


def record(number: int, **told) -> SimpleNamespace:
    """Stand in for a run."""
    name = f"version_{number}"
    folders = Path("checkpoints", name).absolute(), Path("lightning_logs", name).absolute()
    run = Run(
        checkpoint_dir=folders[0],
        log_dir=folders[1],
        resume_command="python -m src.train X",
        hold=lambda: None,
    )
    nothing = {"overview": {}, "metrics": {}, "settings": {}, "sessions": [], "progress": {}}
    more = {"status": "finished", "best_val": None, "seed": 0, "checkpoint": folders[0] / "b.ckpt"}
    more |= {"headline": ACC, "tested": None}
    return SimpleNamespace(name=name, run=run, log_dir=folders[1], **nothing | more | told)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """Put stand-ins where the command looks for runs."""
    monkeypatch.chdir(tmp_path)
    found: list[SimpleNamespace] = []
    records = SimpleNamespace(
        all=lambda root: found,
        find=lambda word: next(each for each in found if each.name == word),
    )
    monkeypatch.setattr("src.runs.RunRecord", records)
    return found


@pytest.mark.parametrize(
    ("sort", "order"), [("run", [0, 1, 2]), ("val", [2, 0, 1]), ("seconds", [2, 1, 0])]
)
def test_list_is_sorted_with_unknown_values_at_the_end(here, capsys, sort, order) -> None:
    seconds, vals = [{}, {"fit_s": 20.0}, {"fit_s": 3.0}], [0.8, None, 0.9]
    here += [
        record(number, metrics=metrics, best_val=val)
        for number, (metrics, val) in enumerate(zip(seconds, vals, strict=True))
    ]
    rows = json.loads(said(capsys, "ls", f"--sort={sort}", "--format=json"))
    assert [row["run"] for row in rows] == [f"version_{number}" for number in order]


def test_list_is_sorted_from_the_lowest_of_a_metric_that_falls(here, capsys) -> None:
    vals = [0.8, None, 0.5, 0.9]
    here += [record(number, best_val=val, headline=RMSE) for number, val in enumerate(vals)]
    here += [record(4, best_val=0.6), record(5, best_val=0.7), record(6, headline=None)]
    rows = json.loads(said(capsys, "ls", "--sort=val", "--format=json"))
    assert [row["run"][-1] for row in rows] == ["5", "4", "2", "0", "3", "1", "6"]
    assert [(row["metric"], row["mode"]) for row in rows[1:3]] == [ACC[:2], RMSE[:2]]
    assert (rows[-1]["metric"], rows[-1]["mode"], rows[-1]["val"]) == (None, None, None)


def test_best_run_is_the_lowest_of_a_metric_that_falls(here, capsys) -> None:
    vals = [0.8, 0.5, None, 0.9]
    here += [record(number, best_val=val, headline=RMSE) for number, val in enumerate(vals)]
    assert json.loads(said(capsys, "best", "--format=json"))["run"] == "version_1"


def test_best_of_several_metrics_is_refused(here, capsys) -> None:
    here += [record(0, best_val=0.8), record(1, best_val=0.9, headline=RMSE, overview=MINE)]
    code, line = refusal_of(capsys, lambda: main(["best"]))
    assert (code, line) == (
        2,
        "error: the runs here have different metrics, val/acc (max), val/rmse (min): "
        "name a --group of one",
    )
    assert json.loads(said(capsys, "best", "--group=mine", "--format=json"))["run"] == "version_1"


def test_best_of_runs_with_different_data_is_doubted(here, capsys) -> None:
    other = {"changed": {"data": "src.data.Other"}}
    here += [record(0, best_val=0.8), record(1, best_val=0.9, overview=other)]
    main(["best", "--format=json"])
    said = "note: the runs here have different data, src.data.Other, the default: name a --group of"
    assert capsys.readouterr().err.startswith(said)


def test_damaged_run_is_shown_as_such(here, capsys, monkeypatch) -> None:
    here += [record(0), record(1)]

    def facts(each: SimpleNamespace) -> dict[str, str]:
        if each is here[0]:
            raise ValueError("run.json is damaged")
        return {"run": each.name, "group": ""}

    monkeypatch.setattr("src.runs.facts", facts)
    main(["ls", "--format=json"])
    shown = capsys.readouterr()
    first, second = json.loads(shown.out)
    assert (first["run"], first["status"], first["val"]) == ("version_0", "damaged", None)
    assert second == {"run": "version_1", "group": ""}
    assert shown.out.startswith('[\n  {\n    "run"')
    assert shown.err == "note: run.json is damaged\n"


def test_number_that_is_none_is_never_printed(here, capsys) -> None:
    here += [record(0, tested=float("nan"), settings={"lr": float("inf")})]
    assert json.loads(said(capsys, "ls", "--format=json"))[0]["test"] is None
    assert json.loads(said(capsys, "show", "version_0", "--format=json"))["settings"]["lr"] is None


def test_best_run_is_that_of_the_validation(here, capsys) -> None:
    here += [record(0, best_val=0.8), record(1, best_val=0.9), record(2), record(3, best_val=0.7)]
    text = said(capsys, "best")
    assert text.splitlines()[1].startswith("version_1")
    assert text.splitlines()[2:] == [
        "",
        "best of 3 by validation: checkpoints/version_1/b.ckpt",
    ]
    assert json.loads(said(capsys, "best", "--format=json"))["run"] == "version_1"


MINE = {"group": "mine"}
SESSION = {
    "began": "2026-01-01T10:20:30",
    "from_step": 7,
    "command": "python -m src.train --x",
    "git": {"commit": "abc", "diff": "", "carries": ""},
    "inputs": {"device": "cpu", "data x": "1", "threads": 2},
    "packages": {"torch": "2"},
}


@pytest.mark.parametrize(
    ("git", "line"),
    [
        ({"diff": "", "carries": ""}, []),
        ({"diff": "+x"}, ["  its checkpoints carry uncommitted changes: some"]),
        ({"diff": "+x", "carries": "a.py"}, ["  its checkpoints carry uncommitted changes: a.py"]),
    ],
)
def test_run_is_shown_as_it_stands(here, capsys, git: dict, line: list[str]) -> None:
    session = SESSION | {"git": git}
    here += [
        record(0, metrics={"z": 2, "fit_s": 1.5}, settings={"b": 1, "a": "x\n"}, sessions=[session])
    ]
    assert said(capsys, "show", "version_0").splitlines()[3:] == [
        "fit_s          1.5",
        "z              2",
        "",
        "b: 1",
        r"a: x\n",
        "",
        "2026-01-01T10:20 from step 7: device cpu, threads 2",
        "  python -m src.train --x",
        *line,
        "",
        "files          lightning_logs/version_0, checkpoints/version_0",
        "continue       python -m src.train X",
    ]
    content = json.loads(said(capsys, "show", "version_0", "--format=json"))
    assert content["run"] == "version_0"
    assert (content["metrics"], content["settings"], content["sessions"]) == (
        {"z": 2, "fit_s": 1.5},
        {"b": 1, "a": "x\n"},
        [session],
    )


def test_differences_are_told_as_they_stand(here, capsys) -> None:
    other = SESSION | {"inputs": {"device": "gpu"}, "packages": {"torch": "3"}}
    other["git"] = {"commit": "abd", "diff": "+x"}
    here += [
        record(0, seed=3, settings={"lr": 1}, sessions=[{}, SESSION], metrics={"m": 1}),
        record(1, settings={"lr": 2}, sessions=[other], metrics={"m": 1}),
        record(2, settings={"lr": 2}, metrics={"m": 1}),
    ]
    text = said(capsys, "diff", "version_0", "version_1").splitlines()
    assert text[:4] == ["configuration", "  seed: 3 -> 0", "  lr: 1 -> 2", "environment"]
    assert {"  commit: abc -> abd", "  torch: 2 -> 3", "  device: cpu -> gpu"} < {*text}
    assert any(line.startswith("  uncommitted changes: ") for line in text)
    assert text[-1] == "metrics: the same"
    found = json.loads(said(capsys, "diff", "version_1", "version_2", "--format=json"))
    assert found["configuration"] == found["metrics"] == {}
    assert found["environment"]["commit"][0] == "abd"


def made(here: list[SimpleNamespace], *numbers: int) -> None:
    for number in numbers:
        here.append(record(number))
        for folder in (here[-1].run.checkpoint_dir, here[-1].log_dir):
            folder.mkdir(parents=True)


def test_several_runs_are_asked_for_and_removed_at_once(here, capsys, monkeypatch) -> None:
    made(here, 0, 1, 2)
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "Y")
    text = said(capsys, "rm", "version_0", "version_2", "version_0")
    question = "remove version_0, version_2 with all records and checkpoints? [y/N] "
    assert (asked, text) == ([question], "removed version_0, version_2\n")
    assert [each.name for each in Path("checkpoints").iterdir()] == ["version_1"]
    assert [each.name for each in Path("lightning_logs").iterdir()] == ["version_1"]


def test_yes_removes_without_a_question(here, capsys, monkeypatch) -> None:
    made(here, 0)
    here[0].run.checkpoint_dir.rmdir()  # of an older run
    here[0].run.hold = None
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    assert said(capsys, "rm", "version_0", "--yes") == "removed version_0\n"
    assert not here[0].log_dir.exists()


def test_nobody_to_ask_is_told(here, capsys, monkeypatch) -> None:
    made(here, 0)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    code, line = refusal_of(capsys, lambda: main(["rm", "version_0"]))
    assert (code, line.strip()) == (
        2,
        "error: nobody is here to ask: version_0 would be removed with --yes",
    )
    assert here[0].log_dir.is_dir()


@pytest.mark.parametrize(
    ("link", "how"),
    [
        ("checkpoints/version_0", "remove the link itself"),
        ("lightning_logs/version_0", "remove the link itself"),
        ("checkpoints", "name the run in the folder that it leads to"),
    ],
)
def test_links_are_not_removed_through(here, capsys, tmp_path, link: str, how: str) -> None:
    made(here, 0)
    Path(link).rename("real")
    Path(link).symlink_to(tmp_path / "real")
    code, line = refusal_of(capsys, lambda: main(["rm", "version_0", "--yes"]))
    assert (code, line.strip()) == (
        2,
        f"error: {link} is a link, and none is followed: {how}",
    )


@pytest.mark.parametrize("word", ["version_9", "lightning_logs/version_9", "checkpoints/version_9"])
def test_link_to_another_run_does_not_remove_it(tmp_path, monkeypatch, capsys, word: str) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("lightning_logs", "checkpoints"):
        Path(folder, "version_0").mkdir(parents=True)
        Path(folder, "version_9").symlink_to("version_0")
    Path("lightning_logs/version_0/config.yaml").touch()
    code, line = refusal_of(capsys, lambda: main(["rm", word, "--yes"]))
    assert (code, "is a link, and none is followed" in line) == (2, True)
    assert Path("lightning_logs/version_0/config.yaml").is_file()


def test_words_have_defaults() -> None:
    def given(*words: str) -> dict:
        return vars(_parser().parse_args([*words]))

    common = {"debug": False, "format": "text"}
    assert given("ls") == {"action": "ls", "sort": "run", "group": None, **common}
    assert given("best") == {"action": "best", "group": None, **common}
    assert given("show", "x") == {"action": "show", "run": "x", **common}
    assert given("diff", "x", "y") == {"action": "diff", "first": "x", "second": "y", **common}
    assert given("rm", "x", "y") == {
        "action": "rm",
        "run": ["x", "y"],
        "yes": False,
        "debug": False,
    }
    assert given("--debug", "ls")["debug"]
    assert given("ls", "--debug")["debug"]


@pytest.mark.parametrize(
    ("metric", "mode", "format", "best"),
    [
        ("val/rmse", "min", "number", 0),
        ("val/f1", "max", "number", 1),
        ("val/loss", "min", "number", 0),
        ("val/acc", "max", "percent", 1),
    ],
)
def test_best_run_is_right_for_each_kind_of_metric(
    tmp_path, monkeypatch, capsys, metric: str, mode: str, format: str, best: int
) -> None:
    monkeypatch.chdir(tmp_path)
    for version, value in enumerate([0.25, 0.75]):
        folder = Path(f"lightning_logs/version_{version}")
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("seed_everything: 1\n")
        about = {"headline": metric, "metrics": {metric: {"mode": mode, "format": format}}}
        (folder / "run.json").write_text(json.dumps({"group": "g", "seed": version, **about}))
        (folder / "metrics.json").write_text(json.dumps({"steps": 1, f"{metric}_best": value}))
    assert json.loads(said(capsys, "best", "--format=json"))["run"] == f"version_{best}"
    listed = json.loads(said(capsys, "ls", "--sort=val", "--format=json"))
    assert [row["run"] for row in listed] == [f"version_{best}", f"version_{1 - best}"]
    assert _best_of(Group(Path(), "g")).name == f"version_{best}"
