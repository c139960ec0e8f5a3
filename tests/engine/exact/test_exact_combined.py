from types import SimpleNamespace as Fake
from weakref import WeakKeyDictionary

import pytest
import torch
from lightning.pytorch import Callback
from torch.utils.data import DataLoader

from src.engine.exact.drawn import Draws
from src.engine.exact.exact_combined import ExactCombinedLoader
from src.engine.exact.exact_dataloader import ExactDataLoaders
from src.engine.exact.seeded_reading import SampledReader
from tests.bare_trainer import bare_trainer
from tests.plain_training import Line, Points

pytestmark = pytest.mark.filterwarnings("ignore:You defined a `validation_step` but")
CPU = torch.device("cpu")


def combined(training: bool, **loaders: DataLoader) -> ExactCombinedLoader:
    trainer = Fake(global_rank=0, strategy=Fake(root_device=CPU))

    def read(loader, number, cycles):
        return SampledReader(loader, Draws(loader, "", 0, cycles, WeakKeyDictionary()), CPU)

    return ExactCombinedLoader(loaders, "max_size", trainer, training, read)


def test_validation_begins_each_time_as_the_first_time() -> None:
    parts = combined(False, a=DataLoader(Points(), 4, shuffle=True), b=DataLoader(Points(9), 4))
    first, again = ([str(batch) for batch in parts] for _ in "ab")
    assert first == again
    assert len(first) == 10


def test_random_numbers_after_a_batch_do_not_depend_on_what_was_read() -> None:
    drawn = []
    for size in (9, 30):
        next(iter(combined(False, a=DataLoader(Points(size), 4))))
        drawn.append(torch.rand(1))
    assert drawn[0] == drawn[1]


class Reads(Callback):
    """What a user may do: read from the trainer's loader in the middle of a training."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        assert trainer.train_dataloader is pl_module.given
        next(iter(trainer.train_dataloader))


def test_user_may_read_from_the_loader_meanwhile() -> None:
    seen = []
    for more in ([], [Reads()]):
        loader = DataLoader(Points(), 4, shuffle=True)
        model = Line(lambda loader=loader: loader)
        model.given = loader
        trainer = bare_trainer(callbacks=[ExactDataLoaders(), *more])
        trainer.fit(model)
        seen.append(sorted(point[0] for *_, batch in model.seen for point in batch))
    assert len(seen[0]) == len(seen[1]) == len(Points())
