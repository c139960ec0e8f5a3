from types import SimpleNamespace as Fake

import torch
from torch import nn

from src.engine.exact.flags import Flags


def layers() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))


def test_what_is_frozen_is_frozen_again() -> None:
    before, after, saved = layers(), layers(), {}
    before[0].bias.requires_grad_(False)
    before[1].eval()
    before[1].track_running_stats = False
    after[0].weight.requires_grad_(False)  # by a callback that freezes when training begins
    Flags().on_save_checkpoint(Fake(), before, saved)
    flags = Flags()
    flags.on_load_checkpoint(Fake(training=True), after, saved)
    flags.on_train_start(Fake(), after)
    assert [p.requires_grad for p in after.parameters()] == [True, False, True, True]
    assert (after[0].training, after[1].training, after[1].track_running_stats) == (1, 0, 0)


def test_nothing_is_set_in_a_test_or_without_a_saved_state() -> None:
    module = layers()
    module[0].weight.requires_grad_(False)
    for training, saved in ((False, {"flags": {"frozen": []}}), (True, {})):
        flags = Flags()
        flags.on_load_checkpoint(Fake(training=training), module, saved)
        flags.on_train_start(Fake(), module)
    assert not module[0].weight.requires_grad
    assert torch.is_grad_enabled()
