import math
from pathlib import Path
from types import SimpleNamespace as Fake

import numpy as np
import pytest
import torch

from src.statistics.answers import METRICS, read_answers
from src.statistics.images import compare_images
from src.tasks import LanguageModelTask, MultiLabelTask, RegressionTask, SegmentationTask


def run(folder: Path, metric: str, value: float, **arrays: object) -> Fake:
    folder.mkdir(exist_ok=True)
    np.savez(folder / "predictions.npz", **{name: np.array(each) for name, each in arrays.items()})
    return Fake(run=Fake(log_dir=folder), metrics={f"test/{metric}": value})


def test_answers_to_images_are_read_where_they_are(tmp_path: Path) -> None:
    runs = {1: run(tmp_path, "acc", 0.5, prediction=[1, 2], label=[1, 3])}
    runs[2] = Fake(run=Fake(log_dir=tmp_path / "other"), metrics={"test/acc": 0.5})
    found = read_answers(runs, "test/acc")
    assert found.keys() == {1}
    assert found[1].rows.dtype == np.bool_
    assert [part.tolist() for part in found[1][:2]] == [[[True], [False]], [1, 3]]
    assert read_answers(runs, "val/acc") == {}


@pytest.mark.parametrize(
    ("metric", "arrays"),
    [
        ("acc", {"prediction": [1, 2], "label": [1]}),
        ("rmse", {"prediction": [[1.0]], "target": [[1.0, 2.0]]}),
        ("perplexity", {"token_loss": [[1.0]], "token": [[1], [2]]}),
    ],
)
def test_answers_without_what_was_true_are_refused(metric: str, arrays, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"predictions\.npz is damaged: not every sample has an"):
        read_answers({1: run(tmp_path, metric, 1.0, **arrays)}, f"test/{metric}")


@pytest.mark.parametrize(
    "kept", [{"output": [0.5], "target": [1.0]}, {"prediction": [[0.1, 0.9]], "label": [1]}]
)
def test_what_another_task_keeps_of_its_test_is_no_answer(tmp_path: Path, kept: dict) -> None:
    runs = {1: run(tmp_path, "acc", 1.0, **kept)}
    assert read_answers(runs, "test/acc") == {}


def test_damaged_answers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "predictions.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"predictions\.npz is damaged"):
        read_answers({1: Fake(run=Fake(log_dir=tmp_path), metrics={})}, "test/acc")


def test_answers_are_read_where_they_give_the_figure(tmp_path: Path) -> None:
    arrays = {"prediction": [[1.0, 2.0], [1.0, 3.0]], "target": [[1.0, 2.0], [1.0, 1.0]]}
    runs = {n: run(tmp_path / str(n), "rmse", value, **arrays) for n, value in ((1, 1.0), (2, 1.1))}
    found = read_answers(runs, "test/rmse")
    assert found.keys() == {1}  # the other figure is of something else
    assert [part.tolist() for part in found[1][:2]] == [[[0], [2]], arrays["target"]]


def task_of(metric: str) -> tuple[object, torch.Tensor, torch.Tensor]:
    """Make a task that has a metric, outputs of its network for 12 samples, and targets."""
    make = torch.Generator().manual_seed(0)
    drawn = lambda *shape: torch.randn(*shape, generator=make)  # noqa: E731
    if metric in ("rmse", "mae"):
        return RegressionTask(torch.nn.Identity()), drawn(12, 2), drawn(12, 2)
    if metric in ("f1", "acc"):
        return MultiLabelTask(torch.nn.Identity()), drawn(12, 4), (drawn(12, 4) > 0).long()
    if metric == "miou":
        label = torch.randint(0, 3, (12, 5, 5), generator=make)
        label[:, 0] = 255
        return SegmentationTask(torch.nn.Identity(), 5), drawn(12, 5, 5, 5), label
    token = torch.randint(0, 6, (12, 7), generator=make)
    return LanguageModelTask(torch.nn.Identity()), drawn(12, 7, 6), token


@pytest.mark.parametrize("name", METRICS)
def test_metric_of_each_task_is_made_of_what_it_keeps(name: str, tmp_path: Path) -> None:
    metric = name.removeprefix("test/")
    task, output, target = task_of(metric)
    values, arrays = [], []
    for part in (slice(None), slice(6)):  # of all samples, and of the first half of them
        task.test_metrics.reset()
        task.test_metrics.update(
            task.eval_loss(output[part], target[part]), output[part], target[part]
        )
        values.append(task.test_metrics.compute()[metric].item())
        arrays.append(
            {key: each.numpy() for key, each in task.outputs(output[part], target[part]).items()}
        )
    found = read_answers({1: run(tmp_path, metric, values[0], **arrays[0])}, name)[1]
    assert float(found.figure(found.rows.mean(0))) == pytest.approx(values[0], rel=1e-3)
    assert float(found.figure(found.rows[:6].mean(0))) == pytest.approx(values[1], rel=1e-3)
    same = compare_images(found.rows[None], found.rows[None], found.figure)
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_difference_of_mean_iou_by_hand(tmp_path: Path) -> None:
    """Of two classes in two images; one class is in the first image alone."""
    union, pixels = [[4, 4], [8, 0]], [[4, 4], [8, 0]]
    first = run(
        tmp_path / "a", "miou", 0.5, intersection=[[2, 2], [4, 0]], union=union, pixels=pixels
    )
    second = run(
        tmp_path / "b", "miou", 0.75, intersection=[[2, 4], [4, 0]], union=union, pixels=pixels
    )
    rows = [read_answers({1: each}, "test/miou")[1] for each in (first, second)]
    found = compare_images(rows[0].rows[None], rows[1].rows[None], rows[0].figure)
    # Where only the second image is drawn, once in four, the class that differs does not occur.
    assert found.difference == pytest.approx(0.25)
    assert (found.low, found.high) == pytest.approx((0, 0.25))


def test_difference_of_perplexity_by_hand(tmp_path: Path) -> None:
    loss = np.log([[2.0, 2.0], [8.0, 8.0]])
    pair = [
        run(
            tmp_path / name,
            "perplexity",
            factor * 4,
            token_loss=loss + math.log(factor),
            token=[[1, 2]] * 2,
        )
        for name, factor in (("a", 1), ("b", 1.5))
    ]
    rows = [read_answers({1: each}, "test/perplexity")[1] for each in pair]
    found = compare_images(rows[0].rows[None], rows[1].rows[None], rows[0].figure)
    assert (found.difference, found.low, found.high) == pytest.approx((2, 1, 4))
