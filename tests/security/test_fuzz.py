"""Random changes of a genuine configuration: whatever they name, nothing outside the list acts."""

import inspect
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from src.engine.checkpoints.build import build
from src.engine.checkpoints.trusted import Trusted
from tests.hostile import watched

CHANGES = 500
CODE = (".py", ".pyc", ".pyi", ".so", "used.jsonl", "/proc/self/statm")  # what we read ourselves
OPEN = "torchvision.transforms.v2.GaussianNoise"  # its `clip` has no type
PACKAGES = ("torch", "lightning", "torchvision", "torchmetrics", "src")


def importable() -> list[str]:
    """Name what can be imported from torch, lightning, torchvision and the standard library."""
    names = [f"{module}.{key}" for module in sys.stdlib_module_names for key in ("main", "x")]
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] in (*PACKAGES, *sys.stdlib_module_names):
            names += [f"{name}.{key}" for key in vars(module) if key.isidentifier()]
    return sorted({name for name in names if inspect.isclass(name) or "." in name})


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the places of a configuration, from the outside in."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for key, value in items:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


def changed(config: Any, draw: random.Random, names: list[str]) -> Any:
    """Put something that could act at a random place of a configuration."""
    config = json.loads(json.dumps(config))
    *parents, key = draw.choice(places(config))
    inner = config
    for parent in parents:
        inner = inner[parent]
    name = draw.choice(names)
    part = {"class_path": name, "init_args": {draw.choice("abcdefx"): "PWNED", "path": "PWNED"}}
    text = {"class_path": OPEN, "init_args": {"clip": json.dumps(part)}}
    if isinstance(inner, dict) and draw.random() < 0.05:  # a few keys are paths
        inner[f"{key}.{draw.choice('abc')}"] = part
    values = [
        *(text, [text], {"class_path": OPEN, "dict_kwargs": {"x": json.dumps([part])}}),
        *(name, part, [part], json.dumps(part), {"init_args": part}, {name: part}, {key: name}),
        *(
            f"{name}:x",
            f" {name}",
            "PWNED/x.yaml",
            "/etc/passwd",
            "/dev/zero",
            "file:///etc/passwd",
        ),
        *("http://127.0.0.1:9/x", "[" * 99, "{a: b}", 10**30, -1, 1e308, None, [], {}, True),
    ]
    inner[key] = draw.choice(values)
    return config


@pytest.fixture
def seed() -> int:
    return time.time_ns() % 2**32  # another one in each run; a failure names it


@pytest.mark.slow
def test_random_changes_reach_nothing(
    stranger: Path, genuine: Path, config: dict[str, Any], seed: int
) -> None:
    draw, names = random.Random(seed), importable()
    weights = torch.load(genuine, weights_only=True)["state_dict"]
    for package in ("torchvision.models", "torchvision.transforms.v2", "torchmetrics"):
        __import__(package)  # which the list may load
    before, built = {name.partition(".")[0] for name in sys.modules}, 0
    for _ in range(CHANGES):
        text = yaml.safe_dump(changed(config, draw, names))
        with watched() as seen:
            try:
                build(Trusted.read(text), weights)
                built += 1
            except (ValueError, RuntimeError, TypeError, AttributeError, KeyError):
                pass
        told = f"seed {seed}: {text}"
        assert not seen.reached, told
        assert {name.partition(".")[0] for name in seen.imported} <= before, told
        looked = set(sys.path)  # where a package may lie
        outside = [file for file in seen.opened if not file.endswith(CODE) and file not in looked]
        assert not outside, (outside, told)
        assert not Path("PWNED").exists(), told
    assert 0 < built < CHANGES, f"seed {seed}"  # the genuine rest of it can still be built
