"""A training split in parts."""

from pathlib import Path

import pytest
import torch

from src.evaluation.classification.folds import Part, divide, training_split
from tests.tiny_mnist import TinyMNIST, write_files


def test_folds_are_even_and_fixed() -> None:
    fold = divide(23, 5)
    assert sorted(fold.bincount().tolist()) == [4, 4, 5, 5, 5]
    assert torch.equal(fold, divide(23, 5))
    assert fold.tolist() != sorted(fold.tolist())


@pytest.mark.parametrize("folds", [1, 24])
def test_impossible_number_is_refused(folds: int) -> None:
    with pytest.raises(ValueError, match=rf"--folds must be in \[2, 23\], got {folds}"):
        divide(23, folds)


def test_part_reads_whole_batches(tiny_mnist: TinyMNIST) -> None:
    split = tiny_mnist.splits["train"]
    part = Part(split, torch.tensor([5, 3, 8]))
    assert len(part) == 3
    assert torch.equal(part.__getitems__(torch.tensor([2, 0])).image, split.image[[8, 5]])
    assert torch.equal(part.label, split.label[[5, 3, 8]])
    assert torch.equal(part.image, split.image[[5, 3, 8]])


def test_part_of_items_reads_items() -> None:
    part = Part([10, 11, 12], torch.tensor([2, 0]))
    assert not hasattr(part, "with_random_cuts")
    assert [part[0], part[1]] == [12, 10]
    assert not hasattr(part, "__getitems__")


class Forgetful(TinyMNIST):
    """A data set whose `setup` reads everything anew."""

    def setup(self, stage: str) -> None:
        self.splits = {}
        super().setup(stage)


class Bare(TinyMNIST):
    """A data set whose training split is no more than a list."""

    def setup(self, stage: str) -> None:
        self.splits = {"train": [1, 2, 3]}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Forgetful, "Forgetful.setup must keep the `splits`"),
        (Bare, "must have `image` and `label`"),
    ],
)
def test_unsuitable_data_set_is_refused(tmp_path: Path, kind: type, reason: str) -> None:
    write_files(tmp_path / "data" / "MNIST" / "raw")
    with pytest.raises(ValueError, match=reason):
        training_split(kind(str(tmp_path / "data")))


def test_division_is_the_one_it_always_was() -> None:
    assert divide(10, 3).tolist() == [2, 2, 0, 0, 1, 1, 2, 1, 0, 0]
    assert divide(10, 3).dtype == torch.int64
    assert sorted(divide(5, 5).tolist()) == [0, 1, 2, 3, 4]
    assert sorted(divide(2, 2).tolist()) == [0, 1]


def test_batches_of_a_part_are_by_lists_too(tiny_mnist: TinyMNIST) -> None:
    split = tiny_mnist.splits["train"]
    part = Part(split, torch.tensor([5, 3, 8]))
    assert torch.equal(part.__getitems__([0, 1]).label, split.label[[5, 3]])
    assert training_split(tiny_mnist) is split


def test_part_is_cut_at_random_as_the_split_is() -> None:
    class Cut(list):
        def with_random_cuts(self) -> list:
            return [-each for each in self]

    part = Part(Cut([10, 11, 12]), torch.tensor([2, 0]))
    assert [[*each] for each in (part, part.with_random_cuts())] == [[12, 10], [-12, -10]]
