from types import SimpleNamespace as Fake

import pytest

from src.engine.exact.every_process import of_every_process


@pytest.mark.parametrize(("processes", "values"), [(1, ["own"]), (3, ["own", "b", "c"])])
def test_values_of_all_processes_are_gathered(monkeypatch, processes: int, values: list) -> None:
    def gather(everyone: list, own: str) -> None:
        assert len(everyone) == 3
        everyone[:] = [own, "b", "c"]

    monkeypatch.setattr("torch.distributed.all_gather_object", gather)
    assert of_every_process(Fake(world_size=processes), "own") == values
