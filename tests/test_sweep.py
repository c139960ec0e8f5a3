"""`python -m src.sweep` as a user types it."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import yaml
from optuna.distributions import FloatDistribution

from src.engine.jobs.group import Group
from src.engine.jobs.machine import default_jobs
from src.engine.records.ledger import looks
from src.engine.records.masked_settings import masked_config
from src.engine.records.run_record import RunRecord
from src.report import _best_of
from src.search.search import Search
from src.search.sweep_file import Sweep
from src.sweep import _best_config, _conclude, _judged, _words, main
from src.train import main as train
from tests.at_once import Fork
from tests.tasks.test_contract import CASES
from tests.test_train import refusal_of
from tests.tiny_mnist import write_files

CONFIG = Path(__file__).parents[1] / "configs" / "default.yaml"
SWEEP = {
    "config": str(CONFIG),
    "trials": 20,
    "fixed": {
        "data": "tests.tiny_mnist.TinyMNIST",
        "data.batch_size": 20,
        "trainer.callbacks": None,
        "trainer.max_epochs": 6,
        "trainer.val_check_interval": 4,
    },
    "space": {
        "model.optimizer.lr": {"low": "1e-6", "high": 0.03, "log": True},
        "model.label_smoothing": {"low": 0.0, "high": 0.2, "step": 0.05},
    },
    "pruner": {"startup_trials": 3, "warmup_validations": 1},
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    write_files(tmp_path / "data" / "MNIST" / "raw")


def write_sweep(**changes) -> None:
    Path("small.yaml").write_text(yaml.safe_dump(SWEEP | changes))


def start(*words: str) -> Fork:
    return Fork("small.yaml", *words, module="src.sweep")


def wait_for(count: int, status: str) -> list[RunRecord]:
    for _ in range(1200):
        found = [r for r in RunRecord.all(Path()) if r.status == status and r.progress]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {count} runs are {status}")


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_sweep_survives_kills_of_trial_and_driver(capsys) -> None:
    write_sweep()
    driver = start("--jobs=2")
    wait_for(2, "finished")
    os.kill(wait_for(1, "running")[0].overview["pid"], signal.SIGKILL)
    wait_for(3, "finished")
    wait_for(1, "running")
    driver.kill()
    driver.communicate()
    main(["small.yaml", "--jobs=2"])
    text = capsys.readouterr().out
    assert "trials         20: " in text
    assert "failed" not in text  # the killed one went on
    assert "given up" in text
    statuses = [record.status for record in RunRecord.all(Path())]
    assert "pruned" in statuses
    assert "running" not in statuses
    assert not looks(Path())  # chosen by validation alone
    folder = Path("lightning_logs/groups/small-sweep")
    assert (folder / "parallel_coordinates.png").read_bytes().startswith(b"\x89PNG")
    assert len((folder / "trials.csv").read_text().splitlines()) == 21
    best = yaml.safe_load(Path("configs/small-best.yaml").read_text())
    rate = best["model"]["init_args"]["optimizer"]["init_args"]["lr"]
    assert f"{rate:.4g}" in text
    main(["small.yaml"])  # nothing is left to do
    assert len(RunRecord.all(Path())) == len(statuses)


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_wrong_option_ends_the_sweep(capsys) -> None:
    write_sweep(space={"model.optimizer.rate": [0.1, 0.2]})
    code, line = refusal_of(capsys, lambda: main(["small.yaml"]))
    assert (code, line.startswith("error: --model.optimizer.rate is not an option")) == (2, True)
    assert not Path("lightning_logs/groups/small-sweep").exists()


@pytest.fixture
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL server of this test's own."""
    folders = [*map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    initdb = shutil.which("initdb", path=os.pathsep.join([os.environ["PATH"], *folders]))
    if initdb is None:
        pytest.skip("needs PostgreSQL's server: Debian's package postgresql")
    user = {"user": "postgres"} if os.getuid() == 0 else {}  # it refuses to run as root
    home = tempfile.mkdtemp()
    if user:
        os.chown(home, *pwd.getpwnam("postgres")[2:4])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bin_dir = Path(initdb).resolve().parent
    options = {"capture_output": True, "cwd": home, **user}
    command = [initdb, "-D", f"{home}/db", "-U", "me", "-A", "trust"]
    subprocess.run(command, check=True, **options)
    control = [str(bin_dir / "pg_ctl"), "-D", f"{home}/db", "-w"]
    listen = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
    with Path(home, "log").open("wb") as log:
        subprocess.run([*control, "-o", listen, "start"], check=True, stdout=log, cwd=home, **user)
    yield f"postgresql+psycopg://me@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, **options)
    shutil.rmtree(home)


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_machines_share_a_database(postgres: str, tmp_path: Path, monkeypatch) -> None:
    write_sweep(trials=6, storage=postgres, fixed=SWEEP["fixed"] | {"trainer.max_epochs": 1})
    machines = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for each in ("small.yaml", "data"):
            (folder / each).symlink_to(tmp_path / each)
        monkeypatch.chdir(folder)
        machines.append(start())
    texts = [machine.communicate(timeout=240)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], texts
    runs = [len(RunRecord.all(tmp_path / name)) for name in ("one", "two")]
    assert sum(runs) in (6, 7)  # both may ask for the last one
    assert min(runs) >= 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"space": {}}, "has no `space`"),
        ({"spaces": 1}, "spaces is not known; known are config"),
        ({"metric": "test/acc"}, "metric must be one of the validation"),
        (
            {"metric": "val/f1"},
            "which value of val/f1 is best is not known: say `mode`, max or min",
        ),
        ({"mode": "min"}, "mode min of val/acc is the wrong one: it is max"),
        ({"fixed": {"model": "a.b"}}, "the task publishes no headline metric: say `metric` and"),
        (
            {"metric": "val/loss", "fixed": {"best.monitor": "val/acc"}},
            "fixed best.monitor val/acc is not the metric, val/loss",
        ),
        ({"trials": 0}, "trials must be a number above 0"),
        ({"space": {"a": 3}}, "space of a must be a list of choices, or low and high"),
        ({"space": {"a": {"low": 3, "high": 1}}}, "space of a: "),
        ({"pruner": {"x": 1}}, "pruner has startup_trials, warmup_validations"),
        ({"storage": "nothing://x"}, "the storage cannot be used"),
    ],
)
def test_wrong_description_is_one_line(content, expected, capsys) -> None:
    write_sweep(**content)
    code, line = refusal_of(capsys, lambda: main(["small.yaml"]))
    assert (code, expected in line) == (2, True)
    assert len(line) < 500


def test_configuration_of_somebody_else_is_not_overwritten(capsys) -> None:
    write_sweep()
    Path("configs").mkdir()
    Path("configs/small-best.yaml").write_text("a: 1\n")
    code, line = refusal_of(capsys, lambda: main(["small.yaml"]))
    assert (code, "would be overwritten" in line) == (2, True)


@pytest.fixture
def driven(monkeypatch) -> list[tuple]:
    """What the processes of a sweep are asked for, which are not started."""
    asked = []

    class Driven:
        def __init__(self, plan, group, count: int) -> None:
            asked.append((plan, group, count))

        def run(self) -> None:
            asked.append(("run",))

    monkeypatch.setattr("src.engine.jobs.jobs.Jobs", Driven)
    return asked


def test_sweep_is_planned_as_its_file_and_its_command_say(driven: list, capsys) -> None:
    write_sweep()
    Path("configs").mkdir()
    Path("configs/small-best.yaml").write_text("# Written by python -m src.sweep: before\n")
    words = ["--jobs=3", "--trials=4", "--group=mine"]
    code, line = refusal_of(capsys, lambda: main(["small.yaml", *words]))
    assert (code, line) == (1, "error: no trial was completed")
    ((plan, group, count), ran) = driven
    assert (group.name, group.root, count, ran) == ("mine", Path.cwd(), 3, ("run",))
    fixed = ["data.batch_size=20", "trainer.callbacks=null", "trainer.max_epochs=6"]
    assert plan.words[:3] == ["--config", str(CONFIG), "--data=tests.tiny_mnist.TinyMNIST"]
    kept = ["--best.monitor=val/acc", "--best.mode=max"]
    fixed.append("trainer.val_check_interval=4")
    assert plan.words[3:] == [*(f"--{word}" for word in fixed), *kept]
    assert plan.option("a", 1) == "--a=1"
    search = plan.search
    assert (search.sweep.trials, search.sweep.storage) == (4, None)
    assert search.place == f"{socket.gethostname()}:{Path.cwd()}"
    assert (search.study.study_name, (group.folder / "trials.journal").is_file()) == ("mine", True)
    made_by = json.loads((group.folder / "group.json").read_text())
    assert made_by.keys() == {"kind", "space", "fixed", "metric", "config"}
    assert (made_by["kind"], made_by["metric"]) == ("sweep", "val/acc")
    assert made_by["fixed"].items() >= SWEEP["fixed"].items()
    assert made_by["space"].keys() == SWEEP["space"].keys()


def test_sweep_without_a_configuration_has_the_default_one(driven: list, capsys) -> None:
    write_sweep(config=None, fixed={}, pruner=None)
    refusal_of(capsys, lambda: main(["small.yaml"]))
    plan, group, count = driven[0]
    assert plan.words == ["--best.monitor=val/acc", "--best.mode=max"]
    assert (group.name, plan.search.sweep.trials) == ("small-sweep", 20)
    assert count == default_jobs(None)
    made_by = json.loads((group.folder / "group.json").read_text())
    assert made_by["config"] == masked_config(CONFIG.read_text())


def test_last_state_is_kept_with_the_direction_that_only_the_sweep_knows() -> None:
    fixed = {"best.mode": "last"}
    sweep = _judged(Sweep({}, config=str(CONFIG), metric="val/x", mode="max", fixed=fixed))
    assert {*_words(sweep)} >= {"--best.monitor=val/x", "--best.mode=last-max"}


@pytest.mark.parametrize(
    ("metric", "fixed", "kept"),
    [
        ("val/loss", {}, ("val/loss", "min")),
        ("val/acc", {}, ("val/acc", "max")),
        (None, {"best.monitor": "val/rmse", "best.mode": "min"}, ("val/rmse", "min")),
        ("val/loss", {"best.mode": "last"}, ("val/loss", "last")),
        (None, {"best.monitor": "x", "best.mode": "last-min"}, ("x", "last-min")),
    ],
)
def test_trials_keep_the_state_that_the_sweep_is_about(metric, fixed, kept) -> None:
    sweep = _judged(Sweep({}, config=str(CONFIG), metric=metric, fixed=fixed))
    assert {*_words(sweep)} >= {f"--best.monitor={kept[0]}", f"--best.mode={kept[1]}"}
    assert (sweep.metric, sweep.mode) == (kept[0], "max" if kept[0] == "val/acc" else "min")


TASKS = {"MultiLabelTask": "f1", "RegressionTask": "rmse", "SegmentationTask": "miou"}
TASKS |= {"LanguageModelTask": "perplexity"}


ENOUGH = {"trainer.max_epochs": 3, "data.batch_size": 10}  # for a good rate to be better


def fixed_of(task: str) -> dict[str, object]:
    """Write the small run of a task as options of all trials, three epochs of it."""
    words = [f"--model={task}", *CASES[task].run, "--trainer.callbacks=null"]
    pairs = [word.removeprefix("--").split("=") for word in words]
    return {name: yaml.safe_load(value) for name, value in pairs} | ENOUGH


def chosen_of_both_rates() -> tuple[dict[str, str], float]:
    """Read by what the best trial was chosen, and which of the two rates that were tried it has."""
    trials = RunRecord.all(Path())
    assert {each.settings["model.optimizer.lr"] for each in trials} == {1e-9, 0.03}
    chosen = yaml.safe_load(Path("configs/small-best.yaml").read_text())
    return chosen["best"], chosen["model"]["init_args"]["optimizer"]["init_args"]["lr"]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_sweep_goes_by_the_headline_of_each_task_the_right_way(task: str, capsys) -> None:
    rates = {"model.optimizer.lr": [1e-9, 0.03]}
    write_sweep(trials=4, pruner=None, fixed=fixed_of(task), space=rates)
    main(["small.yaml"])
    monitor, rate = chosen_of_both_rates()
    assert (monitor["monitor"], rate) == (f"val/{TASKS[task]}", 0.03)


@pytest.mark.slow
def test_sweep_goes_by_a_further_metric_the_right_way(capsys) -> None:
    fixed = SWEEP["fixed"] | {
        "model.metrics.f1": "MulticlassF1Score",
        "model.metrics.f1.num_classes": 10,
    }
    rates = {"model.optimizer.lr": [1e-9, 0.03]}
    write_sweep(trials=4, pruner=None, metric="val/f1", fixed=fixed, space=rates)
    main(["small.yaml"])
    monitor, rate = chosen_of_both_rates()
    assert (monitor, rate) == ({"monitor": "val/f1", "mode": "max"}, 0.03)


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_sweep_by_loss_is_about_the_loss_to_its_end(capsys) -> None:
    write_sweep(
        metric="val/loss",
        trials=2,
        pruner=None,
        fixed=SWEEP["fixed"] | {"trainer.max_epochs": 2},
        space={"model.optimizer.lr": {"low": 1e-6, "high": 0.02}},
    )
    main(["small.yaml"])
    trials = RunRecord.all(Path())
    assert {each.headline.name for each in trials} == {"val/loss"}
    best = min(trials, key=lambda each: each.metrics["val/loss_best"])
    assert _best_of(Group(Path(), "small-sweep")).name == best.name
    first = capsys.readouterr().out.splitlines()[2].split()
    assert first[1:3] == [f"{best.metrics['val/loss_best']:.4f}", best.name]
    chosen = yaml.safe_load(Path("configs/small-best.yaml").read_text())
    assert chosen["best"] == {"monitor": "val/loss", "mode": "min"}
    train(["--config", "configs/small-best.yaml"])
    assert RunRecord.all(Path())[-1].headline.name == "val/loss"
    assert "test accuracy" in capsys.readouterr().out


def test_conclusion_of_a_sweep_is_written_and_told(tmp_path: Path, monkeypatch, capsys) -> None:
    def run(words: list[str], **options) -> Fake:
        assert words[1:4] == ["-m", "src.train", "--x=1"]
        assert words[4].startswith("--lr=0.5")
        assert words[5:] == ["--print_config=skip_default"]
        assert (words[0], options) == (
            sys.executable,
            {"capture_output": True, "text": True, "check": False},
        )
        return Fake(returncode=0, stdout="a: 1\n")

    group, space = Group(tmp_path, "mine"), {"lr": FloatDistribution(0.5, 0.5)}
    group.claim({})
    search = Search(
        "mine", Sweep(space, trials=2, metric="val/acc", mode="max"), tmp_path / "journal", "here"
    )
    monkeypatch.setattr("src.sweep.subprocess.run", run)
    text = _conclude(search, group, ["--x=1"], Path("configs/best.yaml"))
    assert {file.name for file in group.folder.iterdir()} >= {"summary.txt", "trials.csv"}
    assert not Path("configs/best.yaml").exists()
    assert "best  " not in text
    search.tell(search.ask()[0], "complete", 0.75)
    lines = _conclude(search, group, ["--x=1"], Path("configs/best.yaml")).splitlines()
    folder = "lightning_logs/groups/mine"
    assert lines[:-4] == (group.folder / "summary.txt").read_text().splitlines()
    assert lines[-4] == f"files          {folder}/summary.txt, trials.csv"
    assert lines[-3] == "best           configs/best.yaml"
    assert lines[-2].startswith("is it better?  ")
    assert lines[-2].endswith(" -m src.train --config configs/best.yaml --seeds 5")
    assert lines[-1].startswith("report         ")
    assert lines[-1].endswith(" -m src.report mine")
    assert Path("configs/best.yaml").read_text() == (
        "# Written by python -m src.sweep: mine, trial 0, val/acc 0.7500, the best of 1 trial.\n"
        "# It was chosen by validation; the test set was not looked at.\na: 1\n"
    )


def test_best_configuration_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch) -> None:
    sweep = Sweep({"lr": FloatDistribution(0, 1)}, trials=2, metric="val/acc", mode="max")
    search = Search("mine", sweep, tmp_path / "journal", "here")
    search.tell(search.ask()[0], "complete", 0.75)
    failed = Fake(returncode=2, stderr=" error: why\n")
    monkeypatch.setattr("src.sweep.subprocess.run", lambda *_, **__: failed)
    with pytest.raises(
        RuntimeError, match=r"the best configuration cannot be written: error: why$"
    ):
        _best_config(search, [], "mine")
