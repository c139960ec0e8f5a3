import platform
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import torch

from src.engine.console.device import device_line, device_name


@pytest.mark.parametrize(
    ("cpuinfo", "processor", "machine", "name"),
    [
        ("processor : 0\nmodel name\t: Fast CPU \nmodel name\t: Other\n", "p", "m", "Fast CPU"),
        ("processor : 0\n", "p", "m", "p"),
        (None, "", "m", "m"),
    ],
)
def test_processor_has_a_name(
    cpuinfo: str | None, processor: str, machine: str, name: str, tmp_path: Path, monkeypatch
) -> None:
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(
        "src.engine.console.device.Path", {"/proc/cpuinfo": tmp_path / "cpuinfo"}.get
    )
    monkeypatch.setattr(platform, "processor", lambda: processor)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert device_name(torch.device("cpu")) == name


@pytest.mark.parametrize(
    ("device", "processes", "machines", "precision", "line"),
    [
        ("cpu", 1, 1, "32-true", "device: cpu (Fast), 2 threads, 32-bit"),
        ("cpu", 2, 1, "64-true", "device: cpu (Fast), 2 threads, 2 processes, 64-bit"),
        ("cuda", 1, 1, "bf16-mixed", "device: cuda (Fast), bf16-mixed"),
        ("cuda", 8, 2, "16-true", "device: cuda (Fast), 8 processes on 2 machines, 16-true"),
    ],
)
def test_run_says_what_it_computes_on(
    device: str, processes: int, machines: int, precision: str, line: str, monkeypatch
) -> None:
    monkeypatch.setattr("src.engine.console.device.device_name", lambda _: "Fast")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    where = Fake(root_device=torch.device(device, 0))
    trainer = Fake(strategy=where, world_size=processes, num_nodes=machines, precision=precision)
    assert device_line(trainer) == line


def test_name_of_a_gpu_is_that_of_torch(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"number {device.index}")
    assert device_name(torch.device("cuda", 3)) == "number 3"
