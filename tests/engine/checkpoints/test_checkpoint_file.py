import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from src.engine.checkpoints.checkpoint_file import WholeCheckpointIO, read_checkpoint

_PLACES = ("current", "total")


def whole(step: int = 1, began: str = "2026-01-01") -> dict[str, Any]:
    """Content of a checkpoint, as little as there must be of it."""
    done = {name: dict.fromkeys(("ready", "completed", "processed"), 0) for name in _PLACES}
    session = {"began": began, "from_step": 0, "command": "python", "packages": {}}
    session |= {"git": dict.fromkeys(("commit", "status", "diff"), "")}
    loop = {"state_dict": {}, "epoch_loop.state_dict": {"_batches_that_stepped": 0}}
    loop |= {"epoch_loop.batch_progress": done | {"is_last_batch": False}, "epoch_progress": done}
    return {
        "config": "seed_everything: 0",
        "provenance": [session | {"inputs": {"threads": "1", "processes": "1"}}],
        "loops": {"fit_loop": loop},
        "global_step": step,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": {"w": torch.arange(64.0)},
        **{"optimizer_states": [], "lr_schedulers": [], "callbacks": {}},
        **{"epoch_metrics": [], "metrics": {}},
    }


def save(path: Path, step: int = 1, began: str = "2026-01-01") -> Path:
    WholeCheckpointIO().save_checkpoint(whole(step, began), path)
    return path


def flip_a_bit(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        record = next(item for item in archive.infolist() if item.filename.endswith("data/0"))
    content = bytearray(path.read_bytes())
    content[record.header_offset + 200] ^= 1
    path.write_bytes(content)


class Evil:
    """Touches a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return Path.touch, (self.marker,)


def test_checkpoint_comes_back(tmp_path: Path) -> None:
    content = read_checkpoint(save(tmp_path / "x.ckpt", step=5))
    assert content["global_step"] == 5
    assert torch.equal(content["state_dict"]["w"], torch.arange(64.0))


def test_missing_checkpoint_names_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").touch()
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*lost\.ckpt; .*best\.ckpt"):
        read_checkpoint(tmp_path / "lost.ckpt")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "it is empty"), (b"junk", "it is cut off"), (b"PK\x03\x04 cut off", "it is cut off")],
)
def test_broken_checkpoint_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(ValueError, match=rf"x\.ckpt is not a complete checkpoint: {expected}"):
        read_checkpoint(tmp_path / "x.ckpt")


def test_truncated_checkpoint_points_to_a_sound_one(tmp_path: Path) -> None:
    path = save(tmp_path / "last.ckpt")
    path.write_bytes(path.read_bytes()[:-50])
    save(tmp_path / "previous.ckpt")
    with pytest.raises(ValueError, match=r"is cut off.*; beside it, .*previous\.ckpt can be"):
        read_checkpoint(path)


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    path = save(tmp_path / "x.ckpt")
    flip_a_bit(path)
    with pytest.raises(ValueError, match="data/0 does not match its checksum"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"w": torch.ones(1)}, "holds weights only.*--weights"),
        ({"state_dict": {}, "epoch": 3}, "was not written by this command.*--weights"),
        ([1, 2], "was not written by this command"),
    ],
)
def test_foreign_checkpoint_is_refused(tmp_path: Path, content: object, expected: str) -> None:
    torch.save(content, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=expected):
        read_checkpoint(tmp_path / "x.ckpt")


def test_zip_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.ckpt", "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(ValueError, match=r"x\.ckpt is not a checkpoint of torch"):
        read_checkpoint(tmp_path / "x.ckpt")


def test_address_is_refused() -> None:
    with pytest.raises(ValueError, match="is a URL: download the file"):
        WholeCheckpointIO().load_checkpoint("http://127.0.0.1/x.ckpt")


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_checkpoint_is_not_executed(tmp_path: Path, monkeypatch, legacy: bool) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    evil = {"config": Evil(tmp_path / "executed"), "loops": {}}
    if legacy:
        (tmp_path / "x.ckpt").write_bytes(pickle.dumps(evil))
    else:
        torch.save(evil, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"x\.ckpt (holds more than|is not a complete)") as refusal:
        WholeCheckpointIO().load_checkpoint(tmp_path / "x.ckpt", weights_only=False)
    assert not (tmp_path / "executed").exists()
    assert "weights_only" not in str(refusal.value)


def owner_of(tmp_path: Path, began: str = "2026-01-01") -> WholeCheckpointIO:
    """Saves the checkpoints of a run in `own`."""
    (tmp_path / "own").mkdir()
    io = WholeCheckpointIO(lambda: [tmp_path / "own"])
    io.save_checkpoint(whole(2, began), tmp_path / "own" / "new.ckpt")
    return io


def test_checkpoint_of_the_run_is_removed(tmp_path: Path, capsys) -> None:
    io = owner_of(tmp_path)
    io.remove_checkpoint(str(save(tmp_path / "own" / "old.ckpt")))
    io.remove_checkpoint(tmp_path / "own" / "gone.ckpt")
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["new.ckpt"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["elsewhere", "another run", "no checkpoint", "name", "link"])
def test_other_files_are_not_removed(kind: str, tmp_path: Path, capsys) -> None:
    io = owner_of(tmp_path)
    path = tmp_path / "own" / ("a.txt" if kind == "name" else "a.ckpt")
    if kind == "elsewhere":
        path = tmp_path / "a.ckpt"
    save(path, began="2025" if kind == "another run" else "2026-01-01")
    if kind == "no checkpoint":
        path.write_bytes(b"mine")
    if kind == "link":
        path.rename(tmp_path / "real.ckpt")
        path.symlink_to(tmp_path / "real.ckpt")
    io.remove_checkpoint(path)
    assert path.is_file()
    said = f"note: {path} was not removed: it is no checkpoint of this run\n"
    assert capsys.readouterr().err == said


def test_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    wrong: list[tuple[Any, str]] = [
        ({"global_step": -1}, "global_step is of type int"),
        ({"config": "x" * 1_000_001}, "config is 'x"),
        ({"provenance": []}, "provenance is empty"),
        ({"pytorch-lightning_version": "x"}, "pytorch-lightning_version is 'x'"),
        ({"state_dict": {"w": 1}}, "state_dict.w is of type int"),
        ({"optimizer_states": [1]}, "optimizer_states.0 is of type int"),
        ({"callbacks": {"Heartbeat": {}}}, "callbacks.Heartbeat.seconds is missing"),
        ({"callbacks": {"Target": {"reached": 1}}}, "callbacks.Target.reached is of type int"),
        ({"epoch_metrics": [{"a": {}}]}, "epoch_metrics.0.a.updates is missing"),
        ({"metrics": {"a": "x"}}, "metrics.a is 'x'"),
        ({"calibration": {"step": 1}}, "calibration.temperature is missing"),
        ({"loops": {"fit_loop": {}}}, "loops.fit_loop.state_dict is missing"),
    ]
    for part, said in wrong:
        torch.save(whole() | part, tmp_path / "x.ckpt")
        with pytest.raises(ValueError, match=f"x.ckpt is not a checkpoint of this project: {said}"):
            read_checkpoint(tmp_path / "x.ckpt")
    torch.save(whole() | {"calibration": {"temperature": 1.5, "step": 1}}, tmp_path / "x.ckpt")
    assert read_checkpoint(tmp_path / "x.ckpt")["calibration"]["temperature"] == 1.5


def test_each_part_of_a_checkpoint_is_needed(tmp_path: Path) -> None:
    for part in whole():
        content = whole()
        del content[part]
        torch.save(content, tmp_path / "x.ckpt")
        with pytest.raises(ValueError, match="was not written by this command"):
            read_checkpoint(tmp_path / "x.ckpt")
    torch.save({}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="was not written by this command"):
        read_checkpoint(tmp_path / "x.ckpt")
