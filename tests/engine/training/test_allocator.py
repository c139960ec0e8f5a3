import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace as Fake

import pytest

from src.engine.training.allocator import keep_freed_memory

FAULTS = """
import resource, sys
from src.engine.training.allocator import keep_freed_memory
if "keep" in sys.argv: keep_freed_memory()
def step():
    for _ in range(2): bytearray(12_000_000), bytearray(12_000_000)
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10): step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*words: str) -> int:
    command = [sys.executable, "-c", FAULTS, *words]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc")
def test_pages_are_used_again() -> None:
    assert faults("keep") < 0.1 * faults()


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch, error) -> None:
    def missing(name: object) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", missing)
    keep_freed_memory()


def test_settings_are_those_of_malloc(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def mallopt(parameter: ctypes.c_int, value: ctypes.c_int) -> None:
        asked.append((parameter.value, value.value))

    monkeypatch.setattr(ctypes, "CDLL", {None: Fake(mallopt=mallopt)}.get)
    keep_freed_memory()
    assert asked == [(-1, 2**30), (-2, 2**26), (-3, 2**25)]
