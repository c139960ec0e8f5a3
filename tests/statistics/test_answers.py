from pathlib import Path
from types import SimpleNamespace as Fake

import numpy as np
import pytest

from src.statistics.answers import read_answers, read_estimates, read_quality


def test_answers_to_images_are_read_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    runs = {seed: Fake(run=Fake(log_dir=tmp_path / name)) for seed, name in ((1, ""), (2, "other"))}
    np.savez(tmp_path / "predictions.npz", prediction=[1, 2], label=[1, 3])
    found = read_answers(runs)
    assert found.keys() == {1}
    assert [part.tolist() for part in found[1]] == [[1, 2], [1, 3]]


def test_answers_without_their_labels_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "predictions.npz", prediction=[1, 2], label=[1])
    with pytest.raises(ValueError, match=r"predictions\.npz is damaged: not every sample has an"):
        read_answers({1: Fake(run=Fake(log_dir=tmp_path))})


@pytest.mark.parametrize(
    "kept", [{"output": [0.5], "target": [1.0]}, {"prediction": [[0.1, 0.9]], "label": [1]}]
)
def test_what_another_task_keeps_of_its_test_is_no_answer(tmp_path: Path, kept: dict) -> None:
    np.savez(tmp_path / "predictions.npz", **kept)
    assert read_answers({1: Fake(run=Fake(log_dir=tmp_path))}) == {}


def test_damaged_answers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "predictions.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"predictions\.npz is damaged"):
        read_answers({1: Fake(run=Fake(log_dir=tmp_path))})


def estimated(folder: Path, rmse: float, **arrays: list) -> Fake:
    folder.mkdir()
    np.savez(folder / "predictions.npz", **{name: np.array(each) for name, each in arrays.items()})
    return Fake(run=Fake(log_dir=folder), metrics={"test/rmse": rmse})


def test_errors_are_read_where_they_are_those_of_the_figure(tmp_path: Path) -> None:
    arrays = {"prediction": [[1.0, 2.0], [1.0, 3.0]], "target": [[1.0, 2.0], [1.0, 1.0]]}
    runs = {n: estimated(tmp_path / str(n), rmse, **arrays) for n, rmse in ((1, 1.0), (2, 1.1))}
    found = read_quality(runs, "test/rmse")
    assert found.keys() == {1}  # the other figure is of something else
    assert [part.tolist() for part in found[1]] == [[0, 2], arrays["target"]]
    assert read_quality(runs, "test/mae") == {}


def test_estimates_without_their_targets_are_refused(tmp_path: Path) -> None:
    run = estimated(tmp_path / "x", 1.0, prediction=[[1.0]], target=[[1.0, 2.0]])
    with pytest.raises(ValueError, match="not every sample has an estimate"):
        read_estimates({1: run}, "test/rmse")
