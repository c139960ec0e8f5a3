"""Errors of estimated numbers."""

import pytest
import torch
from sklearn.metrics import r2_score
from torchmetrics import MeanAbsoluteError, MeanSquaredError

from src.tasks.errors import Errors


@pytest.mark.parametrize("count", [1, 3])
def test_errors_are_those_of_libraries(count: int) -> None:
    torch.manual_seed(0)
    said, true = torch.randn(50, count), 1000 + torch.randn(50, count)
    errors = Errors(torch.tensor(1000.0))
    others = {"rmse": MeanSquaredError(squared=False), "mae": MeanAbsoluteError()}
    for part in (slice(0, 20), slice(20, 50)):
        errors.update(torch.tensor(float(part.start)), said[part] + 1000, true[part])
        for each in others.values():
            each.update(said[part] + 1000, true[part])
    found = errors.compute()
    assert found.pop("loss").item() == 20 * 30 / 50
    for name, each in others.items():
        torch.testing.assert_close(found[name], each.compute(), rtol=1e-4, atol=1e-4)
    assert found["r2"].item() == pytest.approx(r2_score(true, said + 1000), rel=1e-3)


def test_r2_of_equal_targets_is_no_number() -> None:
    errors = Errors(torch.tensor(0.0))
    errors.update(torch.tensor(0.0), torch.ones(3, 1), torch.ones(3, 1))
    assert errors.compute()["r2"].isnan()
