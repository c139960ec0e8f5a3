"""The small files of a run's folder from a stranger."""

import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from src.compare import main as compare
from src.engine.files.arrays import read_arrays
from src.engine.jobs.group import Group
from src.engine.records.ledger import counted, looks
from src.engine.records.run_record import RunRecord, _read_curves
from src.report import main as report
from src.runs import main as runs
from tests.test_train import refusal_of

DEEP = "[" * 100_000
ODD = [DEEP, "[]", "null x", "9" * 5_000, '{"a": 1' + "0" * 5_000 + "}", "\x00", '"x"']


def run_of(tmp_path: Path, **files: str) -> RunRecord:
    """Write a run's folder: name of a file without `.json`, and its content."""
    logs = tmp_path / "lightning_logs" / "version_0"
    logs.mkdir(parents=True)
    (logs / "config.yaml").write_text("seed_everything: 0\n")
    for name, content in files.items():
        (logs / f"{name}.json").write_text(content)
    return RunRecord.find(str(logs))


@pytest.mark.parametrize("name", ["run", "metrics"])
@pytest.mark.parametrize("content", ODD)
def test_odd_file_is_a_line(name: str, content: str, tmp_path: Path, monkeypatch, capsys) -> None:
    run_of(tmp_path, **{name: content})
    monkeypatch.chdir(tmp_path)
    code, line = refusal_of(capsys, lambda: runs(["show", "version_0"]))
    assert code == 2
    assert f"{name}.json is damaged" in line


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run", {"group": ["x"]}),
        ("run", {"uncommitted": 10**12}),
        ("run", {"commit": None}),
        ("run", {"seed": "; rm -rf"}),
        ("metrics", {"test/acc": "99"}),
        ("metrics", {"test/acc": 10**400}),
        ("provenance", [{"inputs": {}}]),
        ("provenance", {"0": 1}),
    ],
)
def test_value_that_no_run_writes_is_a_line(
    name: str, content: object, tmp_path: Path, monkeypatch, capsys
) -> None:
    run_of(tmp_path, **{name: json.dumps(content)})
    monkeypatch.chdir(tmp_path)
    code, line = refusal_of(capsys, lambda: runs(["show", "version_0"]))
    assert code == 2
    assert f"{name}.json is damaged" in line


@pytest.mark.parametrize("content", [DEEP, "[]", '{"validations": [3]}', '{"step": null}'])
def test_odd_progress_is_no_progress(content: str, tmp_path: Path) -> None:
    assert run_of(tmp_path, progress=content).progress == {}


@pytest.mark.parametrize("name", ["run.json", "metrics.json", "progress.json", "events.tfevents"])
def test_pipe_in_a_folder_does_not_wait(name: str, tmp_path: Path) -> None:
    record = run_of(tmp_path)
    os.mkfifo(record.log_dir / name)
    assert (record.overview, record.metrics, record.progress, record.curves) == ({}, {}, {}, {})


@pytest.mark.parametrize(
    "config",
    [
        "[]",
        "seed_everything",
        DEEP,
        "a: !!python/object/apply:os.system [touch executed]",
        "".join(f"a{i}: &a{i} [{f'*a{i - 1}, *a{i - 1}' * (i > 0)}]\n" for i in range(60)),
    ],
)
def test_odd_configuration_is_a_line(config: str, tmp_path: Path, monkeypatch) -> None:
    record = run_of(tmp_path)
    monkeypatch.chdir(tmp_path)
    (record.log_dir / "config.yaml").write_text(config)
    with pytest.raises(ValueError, match=r"^[^\n]*config\.yaml is (damaged|no conf)[^\n]*$"):
        _ = record.settings
    assert not Path("executed").exists()


@pytest.mark.parametrize("name", ["../../x", "a/b", "-rf", "version_1", "."])
def test_group_of_a_run_is_no_path(name: str, tmp_path: Path) -> None:
    run_of(tmp_path, run=json.dumps({"group": name}))
    assert Group.all(tmp_path) == []


def test_lines_that_are_no_looks_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "lightning_logs" / "test_looks.jsonl"
    file.parent.mkdir()
    good = json.dumps({"network": "a", "config": "b"})
    file.write_text("\n".join(["null", "[]", '{"network": []}', DEEP, good, "\x00"]))
    assert counted(looks(tmp_path)) == "1 look at 1 network of 1 configuration here"


def npy(shape: str, descr: str = "'<i2'", content: bytes = b"") -> bytes:
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head) + 1) + head + b"\n" + content


ARRAYS = {
    "objects": npy("(1,)", "'|O'", b"cos\nsystem\n(X\x0e\x00\x00\x00touch executedtR."),
    "claim": npy("(1000000000000,)"),
    "claim of nothing": npy("(1000000000000000,)", "'|V0'"),
    "negative": npy("(-1,)"),
    "texts": npy("(1,)", "'<U1'", bytes(4)),
    "dimensions": npy("(1, 1)", content=bytes(2)),
    "bomb": npy("(150000000,)", content=bytes(300_000_000)),
    "code": npy("__import__('os').system('touch executed')"),
    "empty": b"",
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_odd_array_is_a_line(kind: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("x.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("label.npy", ARRAYS[kind])
    with pytest.raises(ValueError, match=r"^x\.npz is damaged \([^\n]+\)$"):
        read_arrays(Path("x.npz"), label=1)
    assert not Path("executed").exists()


@pytest.mark.parametrize("content", [b"", b"cos\nsystem\n.", npy("(1,)", content=b"ab"), b"PK"])
def test_what_is_no_archive_is_a_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npz is damaged \([^\n]+\)$"):
        read_arrays(tmp_path / "x.npz", label=1)


def test_commands_say_which_file_is_odd(train, finished, capsys) -> None:
    finished("--trainer.max_epochs=1")
    train("--trainer.max_epochs=1", "--seed_everything=1")
    Path("lightning_logs/version_1/predictions.npz").write_bytes(b"cos\nsystem\n.")
    code, line = refusal_of(capsys, lambda: compare(["version_0", "version_1"]))
    assert code == 2
    assert "version_1/predictions.npz is damaged" in line
    Path("lightning_logs/version_0/evaluation/best_test").mkdir(parents=True)
    Path("lightning_logs/version_0/evaluation/best_test/summary.json").write_text("[]")
    code, line = refusal_of(capsys, lambda: report(["version_0"]))
    assert "summary.json is damaged" in line


def event_file(*records: tuple[bytes, int | None]) -> bytes:
    """Pack records of TensorBoard's, with right check sums and a length that may be wrong."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    def summed(content: bytes) -> bytes:
        return content + struct.pack("<I", masked_crc32c(content))

    heads = [struct.pack("<Q", len(c) if claim is None else claim) for c, claim in records]
    return b"".join(
        summed(head) + summed(content) for head, (content, _) in zip(heads, records, strict=True)
    )


def point(shape: tuple[int, ...] = ()) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event(wall_time=1.0, step=3)
    value = event.summary.value.add(tag="x" if shape else "val/acc", simple_value=0.5)
    if shape:
        value.tensor.dtype = 1
        value.tensor.float_val.append(1.0)
        for size in shape:
            value.tensor.tensor_shape.dim.add(size=size)
    return event.SerializeToString()


@pytest.mark.parametrize(
    "after",
    [
        event_file((b"\xff" * 20, None)),
        event_file((b"x", 2**35)),
        event_file((b"x", 2**62)),
        event_file((b"x", 2**64 - 1)),
        event_file((point(), None))[:-7],
        event_file((point((10**9, 10**9)), None)),
        np.random.default_rng(0).bytes(4_000),
        b"",
    ],
)
def test_curves_are_read_up_to_the_damage(after: bytes, tmp_path: Path) -> None:
    content = event_file((point(), None)) + after
    (tmp_path / "events.out.tfevents.1.x.1.0").write_bytes(content)
    assert _read_curves(tmp_path)["val/acc"] == [(3, 0.5)]
