import json
from pathlib import Path

import numpy as np
import pytest

from src.experiment.samples import RunSet, different, find_group


def make_run(version: int, seed: int, group: str | None = None, **more) -> Path:
    folder = Path("lightning_logs") / f"version_{version}"
    folder.mkdir(parents=True)
    settings = {"seed_everything": seed, "model": {"lr": more.get("lr", 0.1)}}
    (folder / "config.yaml").write_text(json.dumps(settings))
    glance = {"group": group, "seed": seed, "config": str(more.get("lr")), "commit": "c"}
    (folder / "run.json").write_text(json.dumps(glance))
    if more.get("finished", True):
        (folder / "metrics.json").write_text(json.dumps({"test/acc": 0.9 + seed / 100, "steps": 1}))
    else:
        (folder / "progress.json").write_text(json.dumps({"step": 1}))
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_finished_runs_of_a_group_are_taken_by_seed(capsys) -> None:
    make_run(0, 2, "g")
    make_run(1, 1, "g")
    make_run(2, 3, "g", finished=False)
    found = RunSet.find("g")
    assert found.values("test/acc") == {1: 0.91, 2: 0.92}
    assert "left out, for they are not finished: version_2" in capsys.readouterr().err


def test_single_run_is_taken_by_its_name() -> None:
    make_run(0, 4)
    assert RunSet.find("version_0").values("test/acc") == {4: pytest.approx(0.94)}


def test_answers_to_images_are_read() -> None:
    folder = make_run(0, 1)
    np.savez(folder / "predictions.npz", prediction=[1, 2], label=[1, 3])
    said, label = RunSet.find("version_0").answers()[1]
    assert (said.tolist(), label.tolist()) == ([1, 2], [1, 3])


def test_mixture_of_configurations_is_refused() -> None:
    make_run(0, 1, "g", lr=0.1)
    make_run(1, 2, "g", lr=0.2)
    with pytest.raises(ValueError, match=r"not of one configuration: .* differ in --model\.lr"):
        RunSet.find("g")


def test_metric_that_a_run_lacks_is_named() -> None:
    make_run(0, 1)
    with pytest.raises(ValueError, match=r"has no to_target_s; it has steps, test/acc"):
        RunSet.find("version_0").values("to_target_s")


@pytest.mark.parametrize("word", ["nothing", "version_7", "a/b"])
def test_what_is_neither_run_nor_group_is_refused(word: str) -> None:
    make_run(0, 1, "g")
    with pytest.raises(FileNotFoundError):
        RunSet.find(word)


def test_unfinished_runs_alone_are_refused() -> None:
    make_run(0, 1, "g", finished=False)
    with pytest.raises(FileNotFoundError, match="g: none of its runs is finished"):
        RunSet.find("g")


def test_group_is_found_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "lightning_logs" / "groups" / "g").mkdir(parents=True)
    assert find_group("lightning_logs/groups/g").name == "g"
    assert find_group("last") is None


def test_place_of_files_is_no_difference() -> None:
    first = {"a": 1, "data.data_dir": "x", "seed_everything": 1}
    assert different(first, {"a": 2, "b": 3, "data.data_dir": "y"}) == {"a": (1, 2), "b": (None, 3)}
