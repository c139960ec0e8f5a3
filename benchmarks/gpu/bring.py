"""What a machine without a network lacks: wheels of the packages it has not, and MNIST's files."""

import gzip
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from src.data import MNISTDataModule

ROOT = Path(__file__).parents[2]
PYTHON, SYSTEM = "3.12", "x86_64-manylinux_2_28"
# pip takes a wheel only for a platform that it is given by name.
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux1")


def prepare(folder: Path, has: Path, data_dir: Path) -> None:
    """Fill a folder with all that must be brought along.

    Args:
        folder: Where `wheels` and `data` go.
        has: Packages of the machine, as `pip freeze` lists them; lines of names alone will do.
        data_dir: Folder of the data set; it is fetched if it is not there.
    """
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    for old in wheels.glob("*.whl"):
        old.unlink()
    there = has.read_text().splitlines()
    if lacking := missing(_needed(versions(there), folder), there):
        _download(lacking, wheels)
    data = MNISTDataModule(str(data_dir))
    data.prepare_data()
    pack(data.folder, folder / "data" / data.subfolder, data.checksums)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 2**20:.1f} MiB; wheels: {' '.join(lacking) or 'none'}")


def versions(lines: Iterable[str]) -> list[str]:
    """Pick the known versions of a list of packages.

    Args:
        lines: Lines of `pip freeze`.

    Returns:
        `name==version`, without what a local build adds to it, such as `+cu130`.
    """
    found = (re.match(r"[\w.-]+==[\w.!]+", line) for line in lines)
    return [match.group() for match in found if match]


def missing(needed: Iterable[str], there: Iterable[str]) -> list[str]:
    """List the packages that a machine lacks.

    Args:
        needed: `name==version` of each package that is needed.
        there: Packages of the machine, one a line.

    Returns:
        Those of `needed` of which the machine has no version.
    """
    names = {_name(line) for line in there}
    return [line for line in needed if _name(line) not in names]


def pack(source: Path, target: Path, names: Iterable[str]) -> None:
    """Compress files.

    Args:
        source: Folder that has them.
        target: Folder for `NAME.gz`.
        names: Their names.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        content = gzip.compress((source / name).read_bytes(), compresslevel=6, mtime=0)
        (target / f"{name}.gz").write_bytes(content)


def _needed(constraints: list[str], folder: Path) -> list[str]:
    """Resolve the dependencies of this project together with what is there."""
    constraint = folder / "constraints.txt"
    constraint.write_text("\n".join(constraints))
    resolve = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
    system = ["--no-annotate", "--python-version", PYTHON, "--python-platform", SYSTEM]
    command = [*resolve, *system, "--constraint", str(constraint), str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    constraint.unlink()
    return done.stdout.split()


def _download(packages: list[str], wheels: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    system = ["--only-binary=:all:", "--python-version", PYTHON, "--implementation", "cp"]
    for platform in PLATFORMS:
        system += ["--platform", f"{platform}_x86_64"]
    subprocess.run([*pip, *system, "--dest", str(wheels), *packages], check=True)


def _name(line: str) -> str:
    """Spell the name of a package as the index does."""
    name = re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
