from collections import UserDict
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from src.batch import Batch
from src.engine.records.batch_size import count_samples


@dataclass
class Pair:
    x: Any
    y: Any


class Graphs(nn.Module):
    def num_samples(self, batch: dict) -> int:
        return batch["graphs"]


FIVE = torch.ones(5, 2)


@pytest.mark.parametrize(
    ("batch", "count"),
    [
        (FIVE, 5),
        (Batch(FIVE, torch.arange(5)), 5),
        ([FIVE, "text"], 5),
        ({"name": ["a", "b"], "scale": torch.tensor(2.0), "x": {"y": FIVE}}, 5),
        (UserDict(x=FIVE), 5),
        (Pair("text", [FIVE]), 5),
        ([FIVE, torch.ones(3)], None),
        (torch.tensor(1.0), None),
        (["text"], None),
        ((FIVE for _ in range(2)), None),
        (None, None),
    ],
)
def test_samples_of_a_batch_are_counted(batch: Any, count: int | None) -> None:
    assert count_samples(batch) == count


def test_module_may_know_better() -> None:
    assert count_samples({"nodes": FIVE, "graphs": 2}, Graphs()) == 2
    assert count_samples(FIVE, nn.Linear(1, 1)) == 5
