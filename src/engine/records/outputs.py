"""What a test says of each sample."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src.engine.console.note import note

_MOST = 2**28  # bytes; they wait where the module is


class Outputs:
    """Gather the tensors of a test step that have an entry for each sample of its batch."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Tensor]] = {}
        self._samples: dict[int, int] = {}  # by loader
        self._bytes = 0

    def add(self, outputs: Any, count: int | None, loader: int = 0) -> None:
        """Keep what a test step has returned.

        Args:
            outputs: Anything; tensors in a mapping are kept if they have an entry for each sample.
            count: Samples of the batch, if that is known.
            loader: Number of the loader; the names of all but the first one's get it, as Lightning
                writes it.
        """
        if not count or not isinstance(outputs, Mapping) or self._bytes > _MOST:
            return
        self._samples[loader] = self._samples.get(loader, 0) + count
        for name, value in outputs.items():
            if isinstance(value, Tensor) and value.ndim and len(value) == count:
                key = f"{name}/dataloader_idx_{loader}" if loader else str(name)
                self._parts.setdefault(key, []).append(value.detach())
                self._bytes += value.nbytes
        if self._bytes > _MOST:
            self._parts = {}
            note(f"what the test says of each sample is not kept: it is more than {_MOST:,} bytes")

    def joined(self) -> dict[str, Tensor]:
        """Join what was kept.

        Returns:
            Tensors `(N, ...)` by name, on the CPU, in the order of the samples, without those that
            a batch lacked or had in another shape.
        """
        return {
            name: torch.cat(parts).cpu()
            for name, parts in self._parts.items()
            if len({part.shape[1:] for part in parts}) == 1
            and sum(map(len, parts)) in self._samples.values()
        }


def archive(outputs: Mapping[str, Tensor]) -> bytes:
    """Write tensors as a NumPy archive.

    Args:
        outputs: Tensors on the CPU, by any names; `numpy.savez` has reserved some.

    Returns:
        Content of an `.npz` file.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as found:
        for name, part in outputs.items():
            array = part.float() if part.dtype == torch.bfloat16 else part  # NumPy has none
            with found.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array.numpy(), allow_pickle=False)
    return buffer.getvalue()
