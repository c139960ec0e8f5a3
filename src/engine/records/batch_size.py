"""How many samples a batch of any structure holds."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor


def count_samples(batch: Any, module: Any = None) -> int | None:
    """Tell how many samples a batch holds.

    It is what Lightning's `extract_batch_size` says where that is sure of it; of any other batch it
    warns, or has an error.

    Args:
        batch: Tensor, or mappings, sequences and dataclasses of tensors and of anything else.
        module: LightningModule that may know better: its method `num_samples` takes the batch.

    Returns:
        What `num_samples` says, else the length of the tensors; None if it differs, or if there
        are none.
    """
    if hasattr(type(module), "num_samples"):  # a module itself takes 3 us to say that it has none
        return int(module.num_samples(batch))
    lengths: set[int] = set()
    _gather(batch, lengths)
    return lengths.pop() if len(lengths) == 1 else None


def _gather(batch: Any, lengths: set[int]) -> None:
    """Add the lengths of all tensors; what can be gone through only once is the module's."""
    if isinstance(batch, Tensor):
        lengths.update(batch.shape[:1])
    elif isinstance(batch, tuple | list):
        for part in batch:
            _gather(part, lengths)
    elif isinstance(batch, Mapping):
        for part in batch.values():
            _gather(part, lengths)
    elif is_dataclass(batch):
        for field in fields(batch):
            _gather(getattr(batch, field.name), lengths)
