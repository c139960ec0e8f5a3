"""What a run computes on, in words."""

import platform
import re
from pathlib import Path

import torch
from lightning.pytorch import Trainer


def device_name(device: torch.device) -> str:
    """Name a device by its model.

    Args:
        device: A device of this machine.

    Returns:
        Such as `NVIDIA H200`, or the model of the processor.
    """
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


def device_line(trainer: Trainer) -> str:
    """Say on what and how exactly a run computes.

    Args:
        trainer: Trainer of the run.

    Returns:
        Such as `device: cpu (AMD EPYC), 2 threads, 32-bit`.
    """
    device, processes, machines = (
        trainer.strategy.root_device,
        trainer.world_size,
        trainer.num_nodes,
    )
    parts = [f"device: {device.type} ({device_name(device)})"]
    if device.type == "cpu":
        parts.append(f"{(threads := torch.get_num_threads())} thread{'s' * (threads != 1)}")
    if processes > 1:
        parts.append(f"{processes} processes" + f" on {machines} machines" * (machines > 1))
    exact = re.fullmatch(r"(32|64)-true", precision := str(trainer.precision))
    return ", ".join([*parts, f"{exact[1]}-bit" if exact else precision])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
