"""What a run left, read without torch."""

import hashlib
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from src.engine.files.run import Run
from src.engine.records.ledger import config_digest
from src.engine.records.metric import Metric
from src.engine.records.run_record import RunRecord, _read_curves
from src.evaluate import main as evaluate
from tests.conftest import Train

ACC = {"headline": "val/acc", "metrics": {"val/acc": {"mode": "max", "format": "percent"}}}
RMSE = {"headline": "val_rmse", "metrics": {"val_rmse": {"mode": "min", "format": "number"}}}


def record_of(root: Path, **files: object) -> RunRecord:
    """A run without checkpoints, with some of its small files."""
    logs = root / "lightning_logs" / "version_0"
    logs.mkdir(parents=True)
    (logs / "config.yaml").write_text("seed_everything: 5\n")
    for name, content in files.items():
        (logs / f"{name}.json").write_text(json.dumps(content))
    (record,) = RunRecord.all(root)
    return record


@pytest.mark.parametrize(
    ("seen", "metrics", "best"),
    [
        ([{"val/acc": 0.8}, {"val/acc": 0.9}, {"val/loss": 2.0}, {"val/acc": 0.85}], {}, 0.9),
        ([{"val/loss": 2.0}], {}, None),
        ([{"val/acc": 0.8}], {"val/acc_best": 0.0}, 0.0),
    ],
)
def test_unfinished_run_tells_its_best_so_far(tmp_path: Path, seen, metrics, best) -> None:
    progress = {"step": 9, "validations": seen}
    record = record_of(tmp_path, progress=progress, metrics=metrics, run=ACC)
    assert record.status == "interrupted"
    assert record.validations == seen
    assert record.best_val == best


def test_best_of_a_metric_that_falls_is_the_lowest(tmp_path: Path) -> None:
    seen = [{"val_rmse": 0.8}, {"val_rmse": 0.5}, {"other": 0.1}, {"val_rmse": 0.9}]
    record = record_of(tmp_path / "a", progress={"step": 9, "validations": seen}, run=RMSE)
    assert (record.headline, record.best_val) == (Metric("val_rmse", "min"), 0.5)
    metrics = {"val_rmse_best": 0.25, "test_rmse": 0.75, "val_rmse": 9.0}
    better = record_of(tmp_path / "b", metrics=metrics, run=RMSE)
    assert (better.best_val, better.tested) == (0.25, 0.75)
    assert better.rank < record.rank < math.inf
    assert record.tested is None


def test_value_that_is_no_number_is_never_the_best(tmp_path: Path) -> None:
    seen = [{"val/acc": value} for value in (math.nan, 0.5, math.inf, None)]
    metrics = {"steps": 9, "val/acc_best": math.nan, "test/acc": math.nan}
    progress = {"step": 9, "validations": seen}
    record = record_of(tmp_path, progress=progress, metrics=metrics, run=ACC)
    assert (record.best_val, record.tested, record.status) == (0.5, None, "finished")
    assert [math.isfinite(each["val/acc"]) for each in record.validations] == [0, 1, 0, 0]


def test_run_ranks_high_by_a_metric_that_rises(tmp_path: Path) -> None:
    ranks = [
        record_of(tmp_path / str(best), metrics={"val/acc_best": best}, run=ACC).rank
        for best in (0.9, 0.8)
    ]
    assert ranks[0] < ranks[1] < record_of(tmp_path / "none", run=ACC).rank == math.inf


@pytest.mark.parametrize(
    "overview",
    [{"headline": None, "metrics": ACC["metrics"]}, {"headline": "val/acc", "metrics": {}}],
)
def test_run_without_a_headline_metric_has_no_best(tmp_path: Path, overview: dict) -> None:
    metrics = {"val/acc_best": 0.5, "test/acc": 0.5}
    record = record_of(tmp_path, metrics=metrics, run=overview)
    assert (record.headline, record.best_val, record.tested) == (None, None, None)
    assert record.rank == math.inf


def test_run_that_was_recorded_before_metrics_were_has_that_of_its_settings(tmp_path) -> None:
    record = record_of(tmp_path, metrics={"val/loss_best": 0.5, "test/loss": 0.25}, run={"pid": 1})
    (record.log_dir / "config.yaml").write_text(
        "seed_everything: 1\nbest: {monitor: val/loss, mode: min}\n"
    )
    assert record.headline == Metric("val/loss", "min")
    assert (record.best_val, record.tested) == (0.5, 0.25)


def test_metric_of_the_same_name_in_the_test_is_not_told(tmp_path: Path) -> None:
    run = {"headline": "rmse", "metrics": {"rmse": {"mode": "min", "format": "number"}}}
    record = record_of(tmp_path, metrics={"rmse": 0.75, "rmse_best": 0.5}, run=run)
    assert (record.best_val, record.tested) == (0.5, None)  # 0.75 may be of the validation


def test_metric_is_known_by_each_of_its_names(tmp_path: Path) -> None:
    metrics = ACC["metrics"] | RMSE["metrics"]
    record = record_of(tmp_path, run={"headline": "val/acc", "metrics": metrics})
    for name in ("val/acc", "val/acc_best", "test/acc"):
        assert record.metric(name) == Metric(name, "max", "percent")
    for name in ("val_rmse", "val_rmse_best", "test_rmse"):
        assert record.metric(name) == Metric(name, "min")
    assert record.metric("test/loss") is None


@pytest.mark.parametrize(("overview", "seed"), [({}, 5), ({"seed": None}, 5), ({"seed": 0}, 0)])
def test_seed_is_known_before_training_begins(tmp_path: Path, overview: dict, seed: int) -> None:
    assert record_of(tmp_path, run=overview).seed == seed


def test_run_without_a_seed_is_refused(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    (record.log_dir / "config.yaml").write_text("seed_everything: true?\n")
    with pytest.raises(ValueError, match=r"version_0 does not tell the seed of its run: delete"):
        _ = record.seed


def test_evaluation_of_a_run_without_checkpoints_counts(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    assert record.checkpoint.name == "last.ckpt"
    assert record.evaluation() is None
    record.evaluation_dir.mkdir(parents=True)
    (record.evaluation_dir / "summary.json").write_text('{"loss": 1.0, "sha256": "of no file"}')
    assert record.evaluation()["loss"] == 1.0
    record.checkpoint.parent.mkdir(parents=True)
    record.checkpoint.write_bytes(b"another state")
    assert record.evaluation() is None


@pytest.mark.parametrize(
    ("left", "status"),
    [
        ({"metrics.json": '{"steps": 5}', "progress.json": '{"step": 5}'}, "finished"),
        ({"metrics.json": '{"steps": 4}', "progress.json": '{"step": 5}'}, "interrupted"),
        ({"metrics.json": '{"steps": 0}'}, "finished"),
        ({}, "interrupted"),
        ({"traceback.txt": "", "metrics.json": '{"steps": 5}'}, "failed"),
        ({"pruned.txt": "", "traceback.txt": ""}, "pruned"),
    ],
)
def test_status_is_told_by_the_files(tmp_path: Path, left: dict[str, str], status: str) -> None:
    record = record_of(tmp_path)
    for name, text in left.items():
        (record.log_dir / name).write_text(text)
    assert record.status == status


def test_run_that_a_process_keeps_is_running(tmp_path: Path, monkeypatch) -> None:
    record = record_of(tmp_path, metrics={"steps": 5})
    kept = record.run.checkpoint_dir.__eq__
    monkeypatch.setattr("src.engine.records.run_record.is_held", kept)
    assert record.status == "running"


def test_progress_that_is_cut_is_none(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    (record.log_dir / "progress.json").write_text('{"step": ')
    assert (record.progress, record.validations) == ({}, [])
    assert (record.metrics, record.overview, record.sessions) == ({}, {}, [])


@pytest.mark.parametrize(
    ("text", "said"), [("a: 1", "is no configuration of a run: delete it"), ("[", "is damaged (")]
)
def test_settings_that_are_none_are_refused(tmp_path: Path, text: str, said: str) -> None:
    record = record_of(tmp_path)
    (record.log_dir / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"{record.log_dir}/config.yaml {said}")):
        _ = record.settings


def test_configuration_is_told_at_a_glance_or_by_the_settings(tmp_path: Path) -> None:
    assert record_of(tmp_path / "a", run={"config": "abc"}).config == "abc"
    record = record_of(tmp_path / "b", run={"config": ""})
    (record.log_dir / "config.yaml").write_text("seed_everything: 5\ndata: {x: 1}\n")
    assert record.settings == {"seed_everything": 5, "data.x": 1}
    assert record.config == config_digest({"data.x": 1})


def test_evaluation_is_about_the_best_state(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    best = record.run.checkpoint_dir / "best.ckpt"
    best.parent.mkdir(parents=True)
    best.write_bytes(b"state")
    assert record.checkpoint == best
    assert record.evaluation_dir == record.log_dir / "evaluation" / "best_test"
    record.evaluation_dir.mkdir(parents=True)
    summary = {"loss": 1.0, "sha256": hashlib.sha256(b"state").hexdigest()}
    (record.evaluation_dir / "summary.json").write_text(json.dumps(summary))
    assert record.evaluation() == summary


def test_run_is_found_by_each_of_its_names(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for version in (10, 9):
        run = Run(tmp_path, version)
        for folder in (run.log_dir, run.checkpoint_dir):
            folder.mkdir(parents=True)
        (run.log_dir / "config.yaml").touch()
        (run.checkpoint_dir / "best.ckpt").touch()
    assert [record.name for record in RunRecord.all(Path())] == ["version_9", "version_10"]
    assert RunRecord.find("last").run == Run(tmp_path, 10)
    nine = ("version_9", "checkpoints/version_9", "lightning_logs/version_9")
    for word in (*nine, "checkpoints/version_9/best.ckpt"):
        assert RunRecord.find(word).run == Run(tmp_path, 9)
    for word in ("checkpoints/version_8", "checkpoints/version_9/last.ckpt", "checkpoints"):
        with pytest.raises(FileNotFoundError, match=f"{word} is no run: give a folder such as"):
            RunRecord.find(word)


def test_run_without_records_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints" / "version_0").mkdir(parents=True)
    said = "lightning_logs/version_0/config.yaml is missing: last is no run with records"
    with pytest.raises(FileNotFoundError, match=f"^{said}$"):
        RunRecord.find("last")
    (tmp_path / "last").mkdir()
    with pytest.raises(FileNotFoundError, match="last is no run: give"):
        RunRecord.find("last")


def test_record_holds_what_the_run_wrote(finished: Train) -> None:
    metrics = finished("--trainer.max_epochs=2")
    record = RunRecord.find("last")
    assert record.settings["trainer.max_epochs"] == 2
    assert record.metrics == metrics
    assert record.metrics["memory_mib"] > 100
    assert [step for step, _ in record.curves["val/acc"]] == [10, 21]
    assert record.sessions[0]["from_step"] == 0


def test_evaluation_counts_only_of_this_checkpoint(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    record = RunRecord.find("checkpoints/version_0")
    assert record.evaluation() is None
    evaluate(["last"])
    assert record.evaluation()["step"] == 11
    shutil.copy("checkpoints/version_0/model.pt", record.checkpoint)
    assert record.evaluation() is None


@pytest.mark.parametrize("word", ["last", "nowhere", "."])
def test_what_is_no_run_is_refused(word: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="no run"):
        RunRecord.find(word)


def test_records_are_read_without_torch() -> None:
    code = "import sys, src.engine.records.run_record; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_figures_of_older_runs_have_their_names_of_today(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    older = {"steps": 7, "test_images": 60, "to_target_images": 40, "train/images_per_s": 1.5}
    (run.log_dir / "metrics.json").write_text(json.dumps(older))
    assert RunRecord(run).metrics == {
        **{"steps": 7, "test_samples": 60, "to_target_samples": 40, "train/samples_per_s": 1.5}
    }


def test_points_of_each_scalar_are_read(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in (1, 2):
            writer.add_scalar("val/acc", step / 2, step)
    assert _read_curves(tmp_path) == {"val/acc": [(1, 0.5), (2, 1.0)]}


def test_folder_without_events_has_no_curves(tmp_path: Path) -> None:
    assert _read_curves(tmp_path) == {}


def test_damage_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.security.test_reading import event_file

    content = event_file((b"\xff" * 20, None))
    (tmp_path / "events.out.tfevents.1.x.1.0").write_bytes(content)
    assert _read_curves(tmp_path) == {}
    assert "its curves cannot be read to their end (DecodeError)" in capsys.readouterr().err


def test_link_to_another_run_is_not_counted_twice(tmp_path: Path) -> None:
    folder = tmp_path / "lightning_logs"
    for path in (folder / "version_0", tmp_path / "elsewhere"):
        path.mkdir(parents=True)
        (path / "config.yaml").write_text("seed_everything: 1\n")
    (folder / "version_1").symlink_to("version_0")
    (folder / "version_2").symlink_to(tmp_path / "elsewhere")
    assert [each.name for each in RunRecord.all(tmp_path)] == ["version_0", "version_2"]
