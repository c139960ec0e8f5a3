"""NumPy archives, those included that somebody else may have written."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

_MOST = 2**28  # bytes of an array: 10,000 mistakes on colour images have a tenth of it


class OtherArraysError(ValueError):
    """An archive that can be read, and does not hold the arrays that are asked for."""


def read_arrays(path: Path, **dimensions: int) -> "list[npt.NDArray[Any]]":
    """Read arrays of numbers; nothing in the file is executed.

    Args:
        path: Archive, `.npz`.
        **dimensions: Number of dimensions of each array that is read.

    Returns:
        The arrays, in this order.

    Raises:
        OtherArraysError: It lacks one of them, or one has other dimensions or no numbers.
        ValueError: It is no such archive, or one of them is larger than 256 MiB.
    """
    import numpy as np

    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name, dimension in dimensions.items():
                if f"{name}.npy" not in archive.namelist():
                    raise OtherArraysError(f"there is no {name}.npy")
                entry = archive.getinfo(f"{name}.npy")
                if entry.file_size > _MOST:  # zipfile unpacks no more than it says
                    raise ValueError(f"{name} is larger than {_MOST // 2**20} MiB")
                with archive.open(entry) as file:
                    array = np.lib.format.read_array(file, allow_pickle=False)
                if array.ndim != dimension or array.dtype.kind not in "biuf":
                    raise OtherArraysError(f"{name} has {array.ndim} dimensions of {array.dtype}")
                found.append(array)
    except Exception as error:  # zipfile, zlib and NumPy have many
        reason = " ".join(str(error).split())[:100]
        kind = OtherArraysError if isinstance(error, OtherArraysError) else ValueError
        raise kind(f"{path} is damaged ({reason or type(error).__name__})") from error
    return found


def packed_arrays(arrays: "Mapping[str, Tensor]") -> bytes:
    """Write tensors as a NumPy archive.

    Args:
        arrays: Tensors on the CPU, by any names; `numpy.savez` has reserved some.

    Returns:
        Content of an `.npz` file.
    """
    import numpy as np
    import torch

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in arrays.items():
            array = part.float() if part.dtype == torch.bfloat16 else part  # NumPy has none
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array.numpy(), allow_pickle=False)
    return buffer.getvalue()
