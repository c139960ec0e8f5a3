from pathlib import Path

import pytest
import torch

from src.data import TextDataModule
from src.data.text import Sequences, _help_of_python
from src.engine import UsageError

WORDS = bytes(range(250)) * 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_bytes(WORDS)
    return path


def made(file: Path | None, **settings) -> TextDataModule:
    data = TextDataModule(file and str(file), **{"length": 10, "batch_size": 4} | settings)
    data.prepare_data()
    data.setup("fit")
    return data


def test_each_byte_but_the_first_is_guessed_once() -> None:
    text = torch.arange(35).byte()
    inputs, target = Sequences(text, 8).__getitems__(range(4))
    assert torch.equal(inputs.flatten(), torch.arange(32))
    assert torch.equal(target.flatten(), torch.arange(1, 33))
    assert [len(Sequences(text[:count], 8)) for count in (0, 8, 9, 16, 17)] == [0, 0, 1, 1, 2]


def test_one_sequence_is_that_of_a_batch() -> None:
    sequences = Sequences(torch.arange(35).byte(), 8)
    one, batch = sequences[2], sequences.__getitems__(torch.tensor([0, 2]))
    assert all(torch.equal(a, b[1]) for a, b in zip(one, batch, strict=True))


def test_text_is_divided_by_place(file: Path) -> None:
    parts = {name: part.text for name, part in made(file).splits.items()}
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 900,
        "val": 50,
        "test": 50,
    }
    assert bytes(torch.cat([*parts.values()]).tolist()) == WORDS


def test_order_of_an_epoch_follows_the_seed(file: Path, monkeypatch) -> None:
    def order(seed: int) -> list[int]:
        monkeypatch.setenv("PL_GLOBAL_SEED", str(seed))
        return torch.cat([batch[0][:, 0] for batch in made(file).train_dataloader()]).tolist()

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))
    assert len(order(1)) == 89


def test_evaluation_order_is_that_of_the_text(file: Path) -> None:
    data = made(file, eval_batch_size=3)
    for name, loader in (("val", data.val_dataloader()), ("test", data.test_dataloader())):
        inputs, target = (torch.cat(part) for part in zip(*loader, strict=True))
        assert torch.equal(inputs.flatten(), data.splits[name].text[:40].long())
        assert torch.equal(target.flatten(), data.splits[name].text[1:41].long())


def test_text_is_known_by_its_check_sum(file: Path) -> None:
    before = made(file).checksums
    file.write_bytes(WORDS[::-1])
    after = made(file).checksums
    assert [*before] == [*after] == ["text"]  # wherever the file is
    assert before != after


def test_run_does_not_continue_on_another_text(file: Path) -> None:
    before = made(file).state_dict()
    file.write_bytes(WORDS[::-1])
    data = made(file)
    data.load_state_dict(before)  # outside of a training nothing depends on it
    data.trainer = object()
    with pytest.raises(UsageError, match=r"text.txt is no longer the text of the run"):
        data.load_state_dict(before)


def test_help_of_python_is_there_without_a_file() -> None:
    data = made(None)
    text = _help_of_python()
    assert len(text) > 100_000
    paragraphs = text.split(b"\n\n")
    assert len(set(paragraphs)) == len(paragraphs)
    assert [*data.checksums] == ["text"]
    assert data.decode(data.splits["train"].text[:22]) == 'The "assert" statement'


def test_bytes_that_are_no_letters_are_shown(file: Path) -> None:
    assert TextDataModule().decode(torch.tensor([65, 255, 0xC3, 0xA4])) == "A\ufffdä"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, r"cannot be read \(.*No such file.*put it there, or train on another one with"),
        (b"", "has 0 bytes, of which 0 are for the test; a sequence needs 11. Give a longer"),
        (b"x" * 219, "has 219 bytes, of which 10 are for the test"),
    ],
)
def test_text_of_no_use_is_refused_in_one_line(file: Path, content, reason: str) -> None:
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(UsageError, match=reason) as refusal:
        TextDataModule(str(file), length=10).prepare_data()
    assert "\n" not in str(refusal.value)


def test_shortest_text_is_taken(file: Path) -> None:
    file.write_bytes(b"x" * 220)
    assert [len(part) for part in made(file).splits.values()] == [19, 1, 1]


def test_file_that_only_a_checkpoint_names_is_not_read(file: Path) -> None:
    data = TextDataModule(str(file), length=10)
    data.download = False
    with pytest.raises(UsageError, match="a text that only a checkpoint names is not read"):
        data.prepare_data()


@pytest.mark.parametrize("size", [{"length": 0}, {"batch_size": 0}, {"eval_batch_size": 0}])
def test_impossible_sizes_are_refused(size: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="TextDataModule needs length >= 1"):
        TextDataModule(**size)
