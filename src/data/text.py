"""A text as sequences of bytes, for a network that guesses the next one."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import Dataset
from typing_extensions import override

from src.data.images import as_is
from src.engine import ExactLoader, UsageError

_SHARES = {"train": 0.9, "val": 0.05, "test": 0.05}  # of the text, one after the other
_DEFAULT = "the topics of Python's help"
Pair = tuple[Tensor, Tensor]


class Sequences(Dataset[Pair]):
    """A text cut into sequences of one length, each with the bytes that follow.

    Each byte but the first is to be guessed once; what is left over at the end is not.

    Args:
        text: Bytes of the text, `(S,)`, `uint8`.
        length: Bytes of a sequence T.
    """

    def __init__(self, text: Tensor, length: int) -> None:
        self.text = text
        self.length = length

    def __len__(self) -> int:
        """Count the sequences N."""
        return max(len(self.text) - 1, 0) // self.length

    @override
    def __getitem__(self, index: int) -> Pair:
        inputs, target = self.__getitems__([index])
        return inputs[0], target[0]

    def __getitems__(self, index: Tensor | Sequence[int]) -> Pair:
        """Read a batch in one indexing operation; loaders call it by this name.

        Args:
            index: Positions, `(B,)`, each in `[0, N)`.

        Returns:
            Sequences, and for each place in them the byte after it, each `(B, T)`, `int64`.
        """
        first = self.length * torch.as_tensor(index).view(-1, 1)
        whole = self.text[first + torch.arange(self.length + 1)].long()  # (B, T + 1)
        return whole[:, :-1], whole[:, 1:]


class TextDataModule(LightningDataModule):
    """A text as bytes: its first nine tenths to train, then a twentieth each to validate and test.

    Bytes need no vocabulary and can be of any language. Without a file, the text is that of the
    help of the Python that runs, each of its paragraphs once.

    Args:
        file: File of the text, of any encoding.
        length: Bytes of a sequence T.
        batch_size: Sequences in a training batch B.
        eval_batch_size: Sequences in a validation or test batch.
        shuffle: Draw a new order of the training sequences for each epoch.

    Attributes:
        num_classes: Number of bytes that there are K.
        splits: Sequences of `train`, `val` and `test`.
        checksums: SHA-256 of the text; that of a run is kept with it.

    Raises:
        ValueError: A size is not positive.
    """

    num_classes = 256

    def __init__(
        self,
        file: str | None = None,
        length: int = 128,
        batch_size: int = 32,
        eval_batch_size: int = 64,
        shuffle: bool = True,
    ) -> None:
        super().__init__()
        if min(length, batch_size, eval_batch_size) < 1:
            raise ValueError(
                "TextDataModule needs length >= 1, batch_size >= 1 and eval_batch_size >= 1, got "
                f"{length=}, {batch_size=}, {eval_batch_size=}"
            )
        self.file = file
        self.length = length
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.shuffle = shuffle
        self.download = True  # False: the file is one that only a checkpoint names
        self.splits: dict[str, Sequences] = {}
        self.checksums: dict[str, str] = {}

    @override
    def prepare_data(self) -> None:
        self._read()  # refused here, before a run begins

    @override
    def setup(self, stage: str) -> None:
        if self.splits:
            return
        content = self._read()
        self.checksums = {"text": hashlib.sha256(content).hexdigest()}
        text = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        self.splits = {
            name: Sequences(part, self.length)
            for name, part in zip(_SHARES, _divided(text), strict=True)
        }

    @override
    def train_dataloader(self) -> ExactLoader[Pair]:
        return ExactLoader(
            self.splits["train"],
            self.batch_size,
            self.trainer,
            training=True,
            shuffle=self.shuffle,
            collate_fn=as_is,
        )

    @override
    def val_dataloader(self) -> ExactLoader[Pair]:
        return self._evaluated("val")

    @override
    def test_dataloader(self) -> ExactLoader[Pair]:
        return self._evaluated("test")

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"text": [*self.checksums.values()]}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.trainer and state_dict["text"] != [*self.checksums.values()]:
            raise UsageError(
                f"{self.file or _DEFAULT} is no longer the text of the run: put that back, or "
                "begin a new run"
            )

    def decode(self, token: Tensor) -> str:
        """Write bytes as text.

        Args:
            token: Bytes, `(T,)`.

        Returns:
            Text; a byte that is no part of a letter in UTF-8 is shown as a question mark.
        """
        return bytes(token.tolist()).decode(errors="replace")

    def _evaluated(self, split: str) -> ExactLoader[Pair]:
        sequences = self.splits[split]
        return ExactLoader(sequences, self.eval_batch_size, self.trainer, collate_fn=as_is)

    def _read(self) -> bytes:
        if self.file and not self.download:
            raise UsageError(
                "a text that only a checkpoint names is not read: begin a run of your own on it"
            )
        try:
            content = Path(self.file).read_bytes() if self.file else _help_of_python()
        except (OSError, ImportError) as error:
            raise UsageError(
                f"the text {self.file or _DEFAULT} cannot be read ({error}): put it there, or "
                "train on another one with --data.file"
            ) from error
        needed = self.length + 1
        shortest = min(len(part) for part in _divided(content))
        if shortest < needed:
            raise UsageError(
                f"the text {self.file or _DEFAULT} has {len(content)} bytes, of which {shortest} "
                f"are for the test; a sequence needs {needed}. Give a longer text with --data.file "
                "or shorter sequences with --data.length"
            )
        return content


def _divided(text: Any) -> list[Any]:
    """Cut a text into those to train, to validate and to test, always at the same places."""
    ends = [0]
    for share in _SHARES.values():
        ends.append(ends[-1] + int(share * len(text)))
    return [text[begin:end] for begin, end in pairwise(ends)]


def _help_of_python() -> bytes:
    """Join the paragraphs of Python's own help, which every Python has offline."""
    from pydoc_data.topics import topics  # half a megabyte, which nobody else needs

    text = "\n\n".join(topics[name] for name in sorted(topics))
    return "\n\n".join(dict.fromkeys(text.split("\n\n"))).encode()
