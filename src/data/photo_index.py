"""Photos in folders of classes, or listed in a file: which there are, and in which split."""

import csv
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from src.engine import note, printable

FORMATS = "JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"  # as Pillow calls them
_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff",
             ".ppm", ".pgm", ".pbm"}  # fmt: skip
_FOLDERS = {"train": "train", "training": "train", "test": "test", "testing": "test",
            "val": "val", "valid": "val", "validation": "val"}  # fmt: skip
_COLUMNS = "path", "label", "split"
_SHARE = 10  # one photo of so many is for a split that has no folder
_SYSTEM = {"thumbs.db", "desktop.ini", "__macosx"}


class Photo(NamedTuple):
    """A photo of a class.

    Attributes:
        name: Its path, from the folder of the data set.
        label: Name of its class.
        split: `train`, `val` or `test`.
        digest: Digest of its file, once that was looked at.
    """

    name: str
    label: str
    split: str
    digest: str = ""


@dataclass
class PhotoIndex:
    """All photos of a data set, as names.

    Attributes:
        base: Folder that the names start from.
        classes: Names of the classes of all splits together, sorted.
        photos: The photos, sorted.
    """

    base: Path
    classes: tuple[str, ...]
    photos: list[Photo]

    @classmethod
    def find(cls, root: Path) -> "PhotoIndex":
        """List the photos; none is opened.

        Args:
            root: Folder with `train/CLASS/` and perhaps `val/` and `test/` in it, folder of
                classes, or CSV or Parquet file with the columns path and label, and perhaps split.

        Returns:
            What was found.

        Raises:
            FileNotFoundError: There is no such folder or file.
            ValueError: It holds no photos of classes.
        """
        if root.is_file() and root.suffix.lower() in (".csv", ".parquet"):
            base, photos = root.parent, _listed(root)
            classes = {photo.label for photo in photos}
        elif root.is_dir():
            base, photos, classes = root, *_in_folders(root)
        else:
            raise FileNotFoundError(
                f"{root} is no folder and no .csv or .parquet file: --data.root needs a folder "
                "with train/CLASS/ in it, or such a file with the columns path and label"
            )
        if len(classes) <= 1:
            raise ValueError(
                f"{root} has photos of {len(classes)} classes, at least 2 are needed: put them "
                f"into {root}/train/CLASS/"
            )
        return cls(base, tuple(sorted(classes)), sorted(photos))

    def divide(self, photos: Sequence[Photo]) -> dict[str, list[Photo]]:
        """Take a tenth of the training photos of each class for each split that has no folder.

        Which ones depends on their names alone, so that new photos hardly move the others.

        Args:
            photos: Photos that can be used.

        Returns:
            The photos of `train`, `val` and `test`.

        Raises:
            ValueError: A class has no photo to train on, or a split has none at all.
        """
        splits: dict[str, list[Photo]] = {name: [] for name in ("train", "val", "test")}
        for photo in photos:
            splits[photo.split].append(photo)
        _refuse_untrained(self.classes, splits["train"])
        missing = [name for name, members in splits.items() if not members]
        if missing:
            splits["train"] = _share_out(splits, missing)
        if empty := [name for name, members in splits.items() if not members]:
            raise ValueError(f"no photo is left for {' and '.join(empty)}: add photos to train")
        return splits


def _share_out(splits: dict[str, list[Photo]], missing: Sequence[str]) -> list[Photo]:
    """Move photos into the missing splits, and give those that are left to train on."""
    classes = defaultdict(list)
    for photo in sorted(splits["train"], key=lambda photo: blake2b(_bytes(photo.name)).digest()):
        classes[photo.label].append(photo)
    for members in classes.values():
        count = max(1, len(members) // _SHARE)
        for name in missing:
            taken = min(count, len(members) - 1)
            splits[name] += [photo._replace(split=name) for photo in members[:taken]]
            del members[:taken]
    for name in missing:
        splits[name].sort()
    if single := sorted(label for label, members in classes.items() if len(members) == 1):
        note(f"so few photos that one is left to train on: {', '.join(single)}")
    return sorted(photo for members in classes.values() for photo in members)


def _refuse_untrained(classes: Sequence[str], photos: Sequence[Photo]) -> None:
    count = Counter(photo.label for photo in photos)
    if untrained := [name for name in classes if not count[name]]:
        raise ValueError(
            f"no photo to train on of {', '.join(untrained)}: add some to train/, or remove the "
            "class from every split"
        )


def _in_folders(root: Path) -> tuple[list[Photo], set[str]]:
    """List the photos and the classes of a folder, also the empty ones."""
    folders = _split_folders(root)
    photos, classes = [], set()
    rest = [] if root in folders else [each for each in _entries(root) if each not in folders]
    above = frozenset({root.resolve(), *(folder.resolve() for folder in folders)})
    for entry, split in [(entry, folders[each]) for each in folders for entry in _entries(each)]:
        if not entry.is_dir():
            rest.append(entry)
            continue
        label = _label(entry.name)
        files: dict[bool, list[Path]] = {True: [], False: []}  # whether they are pictures
        for file in _files(entry, above):
            files[file.suffix.lower() in _SUFFIXES].append(file)
        photos += [Photo(file.relative_to(root).as_posix(), label, split) for file in files[True]]
        classes.add(label)
        rest += files[False]
        _tell_of_depth(entry, files[True])
    if rest:
        more = f" and {len(rest) - 1} more" if len(rest) > 1 else ""
        name = rest[0].relative_to(root)
        note(f"passed over in {root}, no picture in the folder of a class: {name}{more}")
    return photos, classes


def _split_folders(root: Path) -> dict[Path, str]:
    """Find the folders of the splits; without any, all that there is is for training."""
    inside = {entry: _FOLDERS.get(entry.name.lower()) for entry in _entries(root) if entry.is_dir()}
    folders = {folder: split for folder, split in inside.items() if split}
    if folders and "train" not in folders.values():
        found = ", ".join(folder.name for folder in folders)
        raise ValueError(f"{root} has {found} but no train: put train/CLASS/ there")
    return folders or {root: "train"}


def _tell_of_depth(folder: Path, files: Sequence[Path]) -> None:
    places = {file.parent for file in files}
    if len(places) > 1 and folder not in places:
        note(
            f"the {len(places)} folders in {folder} are one class, {folder.name}; for a class "
            "each, list the photos in a CSV file"
        )


def _files(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """List files at any depth; a link to a folder above is not followed."""
    here = folder.resolve()
    if here in above:
        return
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _files(entry, above | {here})
        else:
            yield entry


def _entries(folder: Path) -> list[Path]:
    """List what a user has put into a folder, without what systems leave there."""
    return [
        entry
        for entry in sorted(folder.iterdir())
        if not entry.name.startswith(".") and entry.name.lower() not in _SYSTEM
    ]


def _listed(file: Path) -> list[Photo]:
    """Read a CSV or Parquet file with the columns path, label and perhaps split."""
    photos: dict[str, Photo] = {}
    for place, row in _rows(file):
        name, label = _word(row["path"]), _word(row["label"])
        split = _FOLDERS.get(_word(row.get("split") or "train").lower())
        if not name or not label or not split or name in photos:
            raise ValueError(
                f"{file}, {place}: must have a path that no other line has, a label, and train, "
                "val or test as its split, if there is such a column"
            )
        photos[name] = Photo(name, _label(label), split)
    return [*photos.values()]


def _rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read a table that has the columns path and label; each row with its place."""
    if file.suffix.lower() == ".parquet":
        table = _parquet(file)
        _refuse_without_columns(file, table.column_names)
        for number, row in enumerate(table.to_pylist(), 1):
            yield f"row {number}", row
    else:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            try:
                _refuse_without_columns(file, rows.fieldnames or ())
                for row in rows:
                    yield f"line {rows.line_num}", row
            except csv.Error as error:
                raise ValueError(f"{file}, after line {rows.line_num}: {error}") from error


def _parquet(file: Path) -> Any:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise ValueError(f'{file} is read by pyarrow: pip install -e ".[parquet]"') from error
    try:
        names = [name for name in _COLUMNS if name in parquet.read_schema(file).names]
        return parquet.read_table(file, columns=names, partitioning=None)
    except ArrowInvalid as error:
        raise ValueError(f"{file} is no Parquet file: {error}") from error


def _refuse_without_columns(file: Path, names: Iterable[str]) -> None:
    if not {"path", "label"} <= {*names}:
        raise ValueError(f"{file}: must have the columns path and label")


def _word(value: object) -> str:
    return "" if value is None else str(value).strip()


def _label(name: str) -> str:
    """Spell the name of a class in one way; one of old letters, not in UTF-8, can be written."""
    return printable(unicodedata.normalize("NFC", name))


def _bytes(name: str) -> bytes:
    return name.encode(errors="surrogateescape")
