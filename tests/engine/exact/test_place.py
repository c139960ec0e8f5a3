from types import SimpleNamespace as Fake

import pytest

from src.engine.exact.place import Place, next_place


def trainer(epoch: tuple[int, int], batch: tuple[int, int], last: bool = False, **parts) -> Fake:
    (begun, epochs), (ready, done) = epoch, batch
    progress = Fake(current=Fake(ready=ready, processed=done, completed=done), is_last_batch=last)
    epochs = Fake(current=Fake(ready=begun, processed=epochs))
    loop = Fake(epoch_loop=Fake(batch_progress=progress), epoch_progress=epochs)
    settings = {"ckpt_path": None, "global_step": 3, "num_training_batches": 9}
    settings |= {"reload_dataloaders_every_n_epochs": 0}
    return Fake(fit_loop=loop, **(settings | parts))


def test_run_begins_at_the_start() -> None:
    assert next_place(trainer((0, 0), (0, 0))) == Place(0, 0, 0, 9)


def test_run_goes_on_inside_an_epoch_or_at_the_next() -> None:
    assert next_place(trainer((3, 2), (4, 4)))[:2] == (2, 4)
    assert next_place(trainer((3, 3), (0, 0)))[:2] == (3, 0)
    assert next_place(trainer((3, 2), (9, 9), last=True))[:2] == (3, 0)


@pytest.mark.parametrize(("every", "made"), [(0, 0), (1, 5), (2, 4), (4, 4), (6, 0)])
def test_loaders_are_those_of_an_epoch(every: int, made: int) -> None:
    there = trainer((6, 5), (2, 2), reload_dataloaders_every_n_epochs=every)
    assert next_place(there).made == made


def test_place_is_not_guessed_before_it_is_restored() -> None:
    with pytest.raises(RuntimeError, match="use max_epochs, not estimated_stepping_batches"):
        next_place(trainer((0, 0), (0, 0), ckpt_path="last.ckpt", global_step=0))
