"""Every random number of a run as a pure function of its seed and of where in the run it is drawn.

Nothing random is saved with a run: whoever continues it derives the same numbers again.
"""

import hashlib
import os
import random
import secrets

import numpy as np
import torch


def derive_seed(*parts: str | int) -> int:
    """Mix what identifies a draw into a seed; near parts give unrelated seeds.

    Args:
        *parts: What is drawn and where, such as `"order", seed, epoch`.

    Returns:
        A seed in `[0, 2**63)`, the same on every machine.
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def run_seed() -> int:
    """Read the run's seed from where Lightning's `seed_everything` leaves it for all processes.

    Returns:
        The seed; 0 where none was set.
    """
    return int(os.environ.get("PL_GLOBAL_SEED", "0"))


def chosen_seed(value: bool | int) -> int:
    """Turn what a user wrote as the seed into the number that is used and recorded.

    Args:
        value: A number, or True or False for one that is drawn at random.

    Returns:
        The seed, in `[0, 2**32)`; the same in all processes of a run.

    Raises:
        ValueError: The number is none of these.
    """
    if not isinstance(value, bool):
        if not 0 <= value < 2**32:
            raise ValueError(f"--seed_everything must be from 0 to {2**32 - 1}, got {value}")
        return value
    if "LOCAL_RANK" in os.environ and "PL_GLOBAL_SEED" in os.environ:
        return run_seed()  # drawn by the process that started this one
    return secrets.randbelow(2**32)


def seed_generators(seed: int, device: torch.device | None = None) -> None:
    """Start the global generators of torch, Python and NumPy anew.

    Args:
        seed: In `[0, 2**63)`.
        device: Device whose generator is meant, besides that of the CPU; None is the CPU alone.
    """
    if device is None or device.type in ("cpu", "cuda"):
        torch.default_generator.manual_seed(seed)  # 1 us; torch.manual_seed asks CUDA: 150 us
    else:
        torch.manual_seed(seed)
    if device is not None and device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
