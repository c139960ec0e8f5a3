import os
import random
import signal
from itertools import chain
from types import SimpleNamespace as Fake

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from src.data import ExactLoader
from src.engine.exact.exact_loader import ExactOrder, _SeededItems, leave_signals_to_parent
from src.engine.seed import derive_seed, seed_generators

N = 23


class Augmented(Dataset):
    """Items that draw from every generator, as augmentations do."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> torch.Tensor:
        drawn = torch.rand(()).item(), random.random(), np.random.rand()
        return torch.tensor([float(index), *drawn], dtype=torch.float64)


def read(num_workers: int) -> torch.Tensor:
    loader = ExactLoader(Augmented(), 5, trainer=None, training=True, num_workers=num_workers)
    return torch.cat(list(loader))


def test_random_items_do_not_depend_on_workers() -> None:
    torch.manual_seed(1)
    alone = read(0)
    torch.manual_seed(2)
    assert torch.equal(alone, read(2))
    assert len(alone[:, 1].unique()) == 12


@pytest.mark.parametrize("change", ["samples", "batch size", "seed"])
def test_loader_refuses_the_state_of_another_order(change: str) -> None:
    loader = ExactLoader(Augmented(), 5, trainer=None)
    state = loader.state_dict()
    loader.load_state_dict(state)
    with pytest.raises(
        ValueError, match=f"another {change}: it was 77 .* now it is {state[change]}"
    ):
        loader.load_state_dict({**state, change: 77})


def test_signals_are_left_to_the_parent() -> None:
    class Interrupted(Augmented):
        def __getitem__(self, index: int) -> torch.Tensor:
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                os.kill(os.getpid(), signum)
            return super().__getitem__(index)

    assert len(list(ExactLoader(Interrupted(), 5, trainer=None, num_workers=1))) == 3


def test_state_tells_the_global_batch() -> None:
    trainer = Fake(world_size=3)
    loader = ExactLoader(Augmented(), 5, trainer)
    assert loader.state_dict() == {"samples": 12, "batch size": 15, "seed": 0}
    assert (loader.order.training, loader.order.shuffle, loader.order.keyed) == (False, False, True)


def test_items_have_the_seed_of_epoch_and_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "3")
    found = _SeededItems(Augmented())[2, 7]
    seed_generators(derive_seed("item", 3, 2, 7))
    assert torch.equal(found, Augmented()[7])


def test_item_of_data_that_draw_nothing_has_no_seed() -> None:
    data = Augmented()
    data.deterministic = True
    torch.manual_seed(1)
    expected = torch.rand(())
    torch.manual_seed(1)
    assert _SeededItems(data)[0, 3][1] == expected.item()


def test_whole_batches_are_read_where_they_are() -> None:
    class Whole:
        device = torch.device("meta")

        def __len__(self) -> int:
            return 12

        def __getitems__(self, index: torch.Tensor) -> torch.Tensor:
            return index

    loader = ExactLoader(Whole(), 5, None)
    assert [(len(index), index.device.type) for index in loader] == [
        (5, "meta"),
        (5, "meta"),
        (2, "meta"),
    ]
    assert (loader.batch_size, loader.order.keyed) == (None, False)


def test_signals_that_a_system_lacks_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = []
    monkeypatch.setattr(signal, "signal", lambda *given: ignored.append(given))
    monkeypatch.delattr(signal, "SIGUSR1")
    leave_signals_to_parent(0)
    assert ignored == [(signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_IGN)]


def fake_trainer(rank: int = 0, world_size: int = 1, epoch: int = 0, batch: int = 0) -> Fake:
    current = Fake(ready=batch, processed=batch, completed=batch)
    progress = Fake(current=current, is_last_batch=False)
    loop = Fake(
        epoch_loop=Fake(batch_progress=progress),
        epoch_progress=Fake(current=Fake(ready=epoch + 1, processed=epoch)),
    )
    return Fake(
        fit_loop=loop, global_rank=rank, world_size=world_size, ckpt_path=None, global_step=batch
    )


def order(
    batch_size: int = 4, training: bool = True, keyed: bool = False, shuffle: bool = True, **place
) -> list:
    trainer = fake_trainer(**place)
    sampler = ExactOrder(N, batch_size, trainer, training, shuffle=shuffle, keyed=keyed)
    return list(sampler) if keyed else [int(index) for batch in sampler for index in batch]


def global_batches(world_size: int, batch_size: int, **place: int) -> list[list[int]]:
    """Join what the processes read at the same time."""
    ranks = [
        torch.tensor(order(batch_size, rank=rank, world_size=world_size, **place)).split(batch_size)
        for rank in range(world_size)
    ]
    return [sorted(torch.cat(parts).tolist()) for parts in zip(*ranks, strict=True)]


def test_epoch_has_each_sample_once() -> None:
    assert sorted(order()) == list(range(N))


def test_each_epoch_has_its_own_order() -> None:
    assert order(epoch=0) == order(epoch=0)
    assert order(epoch=0) != order(epoch=1)


@pytest.mark.parametrize(("world_size", "batch_size"), [(2, 4), (4, 2), (8, 1)])
def test_global_batches_do_not_depend_on_the_processes(world_size: int, batch_size: int) -> None:
    alone, shared = global_batches(1, 8), global_batches(world_size, batch_size)
    assert shared[:-1] == alone[:-1]
    assert set(shared[-1]) >= set(alone[-1])  # filled up so that all have as many


@pytest.mark.parametrize("batch", range(6))
def test_order_goes_on_at_any_batch(batch: int) -> None:
    assert order(batch=batch) == order()[4 * batch :]


@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
def test_processes_train_on_as_many_samples(world_size: int) -> None:
    shares = [order(rank=rank, world_size=world_size) for rank in range(world_size)]
    assert len({len(share) for share in shares}) == 1
    assert set().union(*shares) == set(range(N))


@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
def test_processes_test_each_sample_once(world_size: int) -> None:
    shares = [
        order(rank=rank, world_size=world_size, training=False, shuffle=False, batch=3)
        for rank in range(world_size)
    ]
    assert sorted(chain(*shares)) == list(range(N))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("rank", range(3))
def test_length_is_that_of_the_share(training: bool, keyed: bool, rank: int) -> None:
    trainer = fake_trainer(rank, world_size=3)
    sampler = ExactOrder(N, 3, trainer, training, shuffle=False, keyed=keyed)
    assert len(sampler) == len(list(sampler))


def test_items_come_in_the_order_of_batches() -> None:
    assert [index for _, index in order(keyed=True)] == order()


@pytest.mark.parametrize("batch", range(7))
def test_batches_are_whole_but_the_last(batch: int) -> None:
    sampler = ExactOrder(N, 4, fake_trainer(batch=batch), True, shuffle=True, keyed=False)
    assert [len(indices) for indices in sampler] == [4, 4, 4, 4, 4, 3][batch:]


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("rank", range(2))
def test_last_batch_that_is_not_full_may_be_left_out(keyed: bool, rank: int) -> None:
    trainer = fake_trainer(rank, world_size=2)
    whole = ExactOrder(N, 4, trainer, True, shuffle=True, keyed=keyed)
    cut = ExactOrder(N, 4, trainer, True, shuffle=True, keyed=keyed, drop_last=True)
    assert len(cut) == len(list(cut)) == (8 if keyed else 2)
    pairs = zip(cut, whole, strict=False)
    assert all(one == other if keyed else torch.equal(one, other) for one, other in pairs)


def test_keyed_order_tells_the_epoch() -> None:
    assert {epoch for epoch, _ in order(epoch=2, keyed=True)} == {2}


def test_position_that_is_not_restored_yet_is_refused() -> None:
    trainer = fake_trainer()
    trainer.ckpt_path = "x.ckpt"
    with pytest.raises(RuntimeError, match="not estimated_stepping_batches"):
        list(ExactOrder(N, 4, trainer, training=True, shuffle=False, keyed=False))


@pytest.mark.parametrize("training", [False, True])
def test_one_process_reads_all_where_there_is_no_trainer(training: bool) -> None:
    sampler = ExactOrder(N, 4, None, training, shuffle=False, keyed=False)
    assert torch.equal(torch.cat([*sampler]), torch.arange(N))
    assert len(sampler) == 6


def test_evaluation_begins_at_the_start_wherever_training_is() -> None:
    assert order(training=False, epoch=2, batch=3) == order()


def test_order_is_the_same_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    seed = derive_seed("order", 5, 2)
    expected = torch.randperm(N, generator=torch.Generator().manual_seed(seed))
    assert order(epoch=2) == expected.tolist()
    assert [index for _, index in order(epoch=2, keyed=True)] == expected.tolist()


@pytest.mark.parametrize(("path", "step"), [(None, 0), ("x.ckpt", 5)])
def test_position_that_is_known_is_read(path: str | None, step: int) -> None:
    trainer = fake_trainer()
    trainer.ckpt_path, trainer.global_step = path, step
    assert len(list(ExactOrder(N, 4, trainer, training=True, shuffle=False, keyed=False))) == 6


def test_epoch_that_lightning_names_is_ignored() -> None:
    sampler = ExactOrder(N, 4, fake_trainer(), True, shuffle=True, keyed=False)
    before = torch.cat([*sampler])
    sampler.set_epoch(3)
    assert torch.equal(torch.cat([*sampler]), before)


def test_share_without_samples_has_no_batch() -> None:
    trainer = fake_trainer(rank=2, world_size=3)
    sampler = ExactOrder(2, 4, trainer, False, shuffle=False, keyed=False)
    assert ([*sampler], len(sampler)) == ([], 0)


WEIGHTS = torch.tensor(
    [0.0, *[1.0] * (N - 2), N - 2.0]
)  # the last half of the time, never the first


def drawn(keyed: bool = False, **place: int) -> list:
    given = N, 4, fake_trainer(**place), True
    sampler = ExactOrder(*given, shuffle=False, keyed=keyed, weights=WEIGHTS)
    return list(sampler) if keyed else [int(index) for batch in sampler for index in batch]


def test_weighted_samples_are_drawn_with_replacement() -> None:
    epochs = [drawn(epoch=epoch) for epoch in range(40)]
    assert {len(each) for each in epochs} == {N}
    count = torch.tensor([*chain(*epochs)]).bincount(minlength=N) / (40 * N)
    torch.testing.assert_close(count, WEIGHTS / WEIGHTS.sum(), rtol=0, atol=0.06)


def test_weighted_order_goes_on_and_is_shared() -> None:
    assert drawn(batch=3) == drawn()[12:]
    shares = [drawn(rank=rank, world_size=2) for rank in range(2)]
    assert [*chain(*zip(*shares, strict=True))][:N] == drawn()


def test_sample_drawn_twice_has_two_seeds() -> None:
    keys = drawn(keyed=True, batch=2)
    assert [index for _, index, _ in keys] == drawn()[8:]
    assert [place for *_, place in keys] == [*range(8, N)]
    items = _SeededItems(Augmented())
    assert not torch.equal(items[0, 5, 1], items[0, 5, 2])
