from types import SimpleNamespace as Fake

import pytest

from src.engine.lightning_compat import log_interval


@pytest.mark.parametrize(("steps", "interval"), [(0, 1), (1, 1), (50, 50)])
def test_run_without_curves_is_looked_at_each_step(steps: int, interval: int) -> None:
    assert log_interval(Fake(log_every_n_steps=steps)) == interval
