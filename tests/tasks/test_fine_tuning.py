from functools import partial

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn
from torch.utils.data import DataLoader

from src.batch import Batch
from src.engine import UsageError
from src.models import BatchNormCNN
from src.tasks import FineTuningTask, OneCycle
from src.tasks.fine_tuning import layers_of
from src.train import main
from tests.bare_trainer import bare_trainer
from tests.conftest import Train
from tests.tasks.test_classification import sgd
from tests.test_exact_resume import curves, state, stop_at
from tests.test_killed_run import TINY, finish, kill_often

TASK = ["--model=FineTuningTask", "--model.network=BatchNormCNN", "--model.network.width=6"]


def fit(task: FineTuningTask, batches: list[Batch], watch: Callback, epochs: int = 1) -> None:
    trainer = bare_trainer(callbacks=[watch], max_epochs=epochs, log_every_n_steps=1)
    trainer.fit(task, DataLoader(batches, batch_size=None), DataLoader(batches, batch_size=None))


class Snapshots(Callback):
    """Keep the network at the end of each epoch."""

    def __init__(self) -> None:
        self.states: list[dict[str, torch.Tensor]] = []

    def on_train_epoch_end(self, trainer, task) -> None:
        states = task.network.state_dict().items()
        self.states.append({name: value.clone() for name, value in states})


def changed(task: FineTuningTask, batch: Batch, epochs: int) -> list[set[str]]:
    """Name the modules whose values each epoch has changed."""
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    seen = Snapshots()
    fit(task, [batch], seen, epochs)
    return [
        {name.partition(".")[0] for name in new if not torch.equal(old[name], new[name])}
        for old, new in zip([before, *seen.states], seen.states, strict=False)
    ]


def test_last_layer_is_trained_alone_at_first(batch: Batch) -> None:
    task = FineTuningTask(BatchNormCNN(width=6), optimizer=sgd(0.1), frozen_epochs=2)
    first, second, third = changed(task, batch, 3)
    assert first == second == {"fc"}  # nor do statistics of batch norm move
    assert third == {name for name, part in task.network.named_children() if name != "dropout"}


def test_what_a_network_never_trains_stays_so(batch: Batch) -> None:
    network = BatchNormCNN(width=6)
    network.conv1.requires_grad_(False)
    assert "conv1" not in changed(FineTuningTask(network, frozen_epochs=1), batch, 2)[1]


OPTIONS = ["--model.frozen_epochs=1", "--model.layer_decay=0.7", "--model.mixup=0.2"]


def test_run_stopped_in_either_part_is_resumed_exactly(train: Train, monkeypatch) -> None:
    args = [*TASK, *OPTIONS, "--model.cutmix=1", "--trainer.max_epochs=2", "--test=false"]
    args += ["--trainer.precision=bf16-mixed", "--trainer.limit_train_batches=4"]
    train(*args)
    for count, step in enumerate((1, 6)):
        with stop_at(monkeypatch, step):
            main(["--ckpt_path=last"]) if count else train(*args)
    main(["--ckpt_path=last"])
    assert state(1) == state(0)


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("frozen", [1, 13], ids=["mostly free", "mostly frozen"])
def test_killed_run_ends_like_one_never_killed(train: Train, frozen: int) -> None:
    args = [*TINY, *TASK, *OPTIONS, "--trainer.max_epochs=14"]
    args.append(f"--model.frozen_epochs={frozen}")
    finish(*args)
    kill_often(3, frozen, *args)
    assert state(1) == state(0)
    assert curves(1) == curves(0)


def test_rate_falls_from_layer_to_layer_at_every_step(batch: Batch) -> None:
    class Rates(Callback):
        def on_train_batch_end(self, trainer, *args) -> None:
            groups = trainer.optimizers[0].param_groups
            ratios.append([group["lr"] / groups[0]["lr"] for group in groups])

    ratios: list[list[float]] = []
    cycle = partial(OneCycle, anneal="linear", end=0.1)
    task = FineTuningTask(
        BatchNormCNN(width=6), optimizer=sgd(0.1), scheduler=cycle, layer_decay=0.5
    )
    fit(task, [batch] * 4, Rates())
    layers = [[*part.parameters()] for part in task.network.children() if [*part.parameters()]]
    expected = [0.5**number for number in range(len(layers))]
    assert ratios == [pytest.approx(expected)] * 4
    groups = task.trainer.optimizers[0].param_groups
    assert groups[0]["params"][0] is layers[-1][0]


def test_layers_are_found_inside_of_what_holds_them() -> None:
    blocks = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    inner = nn.ModuleDict({"stem": nn.Linear(1, 2), "blocks": blocks, "head": nn.Linear(2, 1)})
    found = [layer[0] for layer in layers_of(nn.ModuleDict({"model": inner}))]
    expected = inner["stem"], blocks[0], blocks[2], inner["head"]
    assert [any(one is part.weight for part in expected) for one in found] == [True] * 4


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixed_images_have_mixed_labels(batch: Batch, kind: str) -> None:
    torch.manual_seed(1)
    task = FineTuningTask(BatchNormCNN(width=6), **{kind: 1.0})
    image, target = task.mixed(batch)
    assert target.shape == (20, 10)
    torch.testing.assert_close(target.sum(1), torch.ones(20))
    share = target.gather(1, batch.label[:, None]).mean()
    assert 0 < share < 1
    assert not torch.equal(image, batch.image)
    fit(task, [batch], Callback())
    assert task.trainer.callback_metrics["train/loss"] > 0


@pytest.mark.parametrize(
    "settings",
    [{"layer_decay": 0.0}, {"layer_decay": 1.1}, {"frozen_epochs": -1}, {"mixup": -0.1}],
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"FineTuningTask needs layer_decay in \(0, 1\]"):
        FineTuningTask(BatchNormCNN(), **settings)


def test_fewer_frozen_epochs_set_a_continued_run_free(batch: Batch) -> None:
    task = FineTuningTask(BatchNormCNN(width=6), optimizer=sgd(0.1))
    task.is_frozen = True  # as its checkpoint says
    task.network.requires_grad_(False)
    assert "conv1" in changed(task, batch, 1)[0]


def test_convolution_may_be_the_last_layer() -> None:
    network = nn.Sequential(nn.Linear(4, 10), nn.Conv2d(4, 10, 1), nn.Flatten())
    FineTuningTask(network, frozen_epochs=1)._freeze(True)
    assert [p.requires_grad for p in network.parameters()] == [False, False, True, True]


def test_network_without_a_last_layer_is_refused() -> None:
    with pytest.raises(UsageError, match="last layer has 10 outputs"):
        FineTuningTask(nn.Sequential(nn.Linear(4, 11)), frozen_epochs=1)._freeze(True)
