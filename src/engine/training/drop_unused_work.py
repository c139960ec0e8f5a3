"""Less of Lightning's own work in each step."""

import os

import torch
from lightning.pytorch import Callback, Trainer

from src.engine.lightning_compat import callbacks_of

_EACH_STEP = (
    *("on_train_batch_start", "on_train_batch_end", "on_before_zero_grad"),
    *("on_before_backward", "on_after_backward", "on_before_optimizer_step"),
)


def drop_unused_work(trainer: Trainer) -> None:
    """Let each step of a training do only what some part of the run has asked for.

    Lightning calls every hook of every callback, 3 us each, also those that are empty, unless they
    are None. And it makes torch ask NVML for GPUs, which the optimizers do at each step, 31 us
    where there are none.

    Args:
        trainer: Trainer with all its callbacks.
    """
    for callback in callbacks_of(trainer):
        for hook in _EACH_STEP:
            if getattr(type(callback), hook) is getattr(Callback, hook):
                vars(callback)[hook] = None
    if not torch.cuda.is_available():
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
