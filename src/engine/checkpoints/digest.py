"""A number that tells whether two states are the same to the last bit."""

import hashlib
from typing import Any

import torch


def digest(content: Any) -> str:
    """Hash all tensors and values of a state.

    Args:
        content: Nested dictionaries, lists and tuples of tensors and plain values.

    Returns:
        SHA-256; equal for equal bits and names, in whatever order the names are.
    """
    state = hashlib.sha256()
    _feed(state, content)
    return state.hexdigest()


def _feed(state: Any, content: Any) -> None:
    if isinstance(content, dict):
        for name in sorted(content, key=str):
            state.update(f"{name}:".encode())
            _feed(state, content[name])
    elif isinstance(content, list | tuple):
        for part in content:
            _feed(state, part)
    elif isinstance(content, torch.Tensor):
        state.update(f"{content.dtype} {tuple(content.shape)} ".encode())
        flat = content.detach().cpu().contiguous().flatten()
        state.update(flat.view(torch.uint8).numpy().tobytes())
    else:
        state.update(f"{content!r};".encode())
