"""Seeds, comparisons and sweeps of modules that know nothing of this project."""

from pathlib import Path

import pytest
import yaml

from src.compare import main as compare
from src.engine.records.run_record import RunRecord
from src.runs import main as runs
from src.sweep import main as sweep
from src.train import main
from tests.test_any_module import trial, trials_forked  # noqa: F401  # fixtures
from tests.test_train import refusal_of

WATCHED = {  # metric of the validation, how to say which value is best, metric of the test
    "data module": ("val_loss", "min", "test_loss"),
    "own loaders": ("val_acc", "max", "val_acc_best"),
    "autoencoder": ("val/reconstruction", "min", "test/reconstruction"),
    "language model": ("val/perplexity", "min", "test/perplexity"),
    "regression": ("val/rmse", None, "test/rmse"),
    "multi-label": ("val_MultilabelF1Score", "max", "test_MultilabelF1Score"),
    "segmentation": ("val/iou", None, "test/iou"),
    "fine-tuning": ("val_acc", "max", "val_acc_best"),
}
LOGGED = {"gan": "g_loss", "dqn": "reward"}  # while they train, for they validate nothing
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("trials_forked")]


def watched(name: str) -> list[str]:
    metric, mode, _ = WATCHED.get(name, (None, None, None))
    words = [f"--best.monitor={metric}"] * bool(metric)
    return words + [f"--best.mode={mode}"] * bool(mode)


def test_groups_of_a_trial_are_compared_by_its_metric(trial: str, capsys) -> None:  # noqa: F811
    for group, epochs in (("short", 1), ("long", 2)):
        words = [*watched(trial), f"--trainer.max_epochs={epochs}", f"--group={group}"]
        main(["--config=x.yaml", "--seeds=3", "--jobs=2", *words])
        assert f"3 of 3, group {group}" in capsys.readouterr().out
    assert [record.status for record in RunRecord.all(Path())] == ["finished"] * 6
    if trial in WATCHED:
        compare(["short", "long"])
        assert capsys.readouterr().out.startswith(WATCHED[trial][2])
        runs(["best"])
        assert "best of 6 by validation: checkpoints/version_" in capsys.readouterr().out
        return
    code, line = refusal_of(capsys, lambda: compare(["short", "long"]))
    assert (code, "has no headline metric: give --metric, one of " in line) == (2, True)
    name = LOGGED.get(trial, "fit_s")
    compare(["short", "long", f"--metric={name}"])
    assert capsys.readouterr().out.startswith(name)
    assert refusal_of(capsys, lambda: runs(["best"]))[0] == 2


def test_trial_is_searched_by_its_metric(trial: str, capsys) -> None:  # noqa: F811
    content = {"config": "x.yaml", "trials": 2, "space": {"trainer.max_epochs": [1, 2]}}
    metric, mode, _ = WATCHED.get(trial, ("val/none", "min", None))
    content |= {"metric": metric, "mode": mode or ("min" if trial == "regression" else "max")}
    Path("s.yaml").write_text(yaml.safe_dump(content))
    if trial in WATCHED:
        sweep(["s.yaml", "--jobs=2"])
        assert f"trial 1: {metric} " in capsys.readouterr().err
        assert Path("configs/s-best.yaml").is_file()
        assert len(RunRecord.all(Path())) == 2
    else:
        with pytest.raises(SystemExit) as stop:
            sweep(["s.yaml", "--jobs=2"])
        said = capsys.readouterr().err
        assert stop.value.code == 2
        assert "val/none is not logged in validation" in said or "has logged val/none" in said
