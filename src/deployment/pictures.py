"""Files of pictures as images for a network."""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import Image, UnidentifiedImageError

from src.engine.console.note import note

STDIN = "-"
_NOT_READ = {".heic": "HEIC", ".heif": "HEIC", ".avif": "AVIF", ".svg": "SVG", ".pdf": "PDF"}
_MOST_FRAMES = 10  # of a picture that are looked at
_LARGE = 4096  # longer side to which a JPEG is decoded that has more pixels than Pillow allows

T = TypeVar("T")
Reader = Callable[[Image.Image], T]


class UnreadablePictureError(Exception):
    """A file gives no image; the message is one line that names it.

    Args:
        name: The file.
        reason: What is wrong with it.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.file, self.reason = name, " ".join(reason.split())
        super().__init__(f"{name}: {self.reason}")


def read_pictures(
    names: Iterable[str], from_picture: Reader[T]
) -> Iterator[tuple[str, T] | UnreadablePictureError]:
    """Read pictures one by one; one that cannot be read does not stop the others.

    Args:
        names: Files, folders (all pictures in them, sorted) and `-` for standard input.
        from_picture: Makes an image of the data set from a picture, or several; its ValueError is a
            reason.

    Yields:
        Name and what was made, or what is wrong with the file.
    """
    for name in names:
        found = [name] if name == STDIN or not Path(name).is_dir() else pictures_in(Path(name))
        if not found:
            yield UnreadablePictureError(name, "the folder holds no picture")
        for each in found:
            try:
                yield each, read_picture(each, from_picture)
            except UnreadablePictureError as error:
                yield error


def pictures_in(folder: Path) -> list[str]:
    """List the files, at any depth, whose suffix is one of pictures; hidden ones are left out.

    Args:
        folder: Where to look.

    Returns:
        Their names, sorted.
    """
    known = Image.registered_extensions()  # suffix to format
    suffixes = {suffix for suffix, kind in known.items() if kind in Image.OPEN}
    files = (file for file in folder.rglob("*") if file.suffix.lower() in suffixes)
    shown = (file for file in sorted(files) if not _is_hidden(file.relative_to(folder)))
    return [str(file) for file in shown if file.is_file()]


def read_picture(name: str, from_picture: Reader[T]) -> T:
    """Read one picture.

    Args:
        name: A file, or `-` for standard input.
        from_picture: Makes an image of the data set from a picture, or several.

    Returns:
        What was made.

    Raises:
        UnreadablePictureError: The file is not there, not a picture, damaged, far too large or
            blank.
    """
    try:
        with _unheard(), Image.open(_source(name), formats=_formats()) as picture:
            _reduce(picture)
            return _first(name, picture, from_picture)
    except FileNotFoundError:
        fetch = "an address is not fetched: download it and give the file"
        reason = fetch if "://" in name else "there is no such file"
    except UnidentifiedImageError:
        kind = _NOT_READ.get(Path(name).suffix.lower())
        other = f"{kind} is not read: save it as JPEG or PNG"
        reason = other if kind else "it is not a picture that Pillow can read"
    except Image.DecompressionBombError as error:
        reason = f"it is far too large: make it smaller: {error}"
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
    except (ValueError, SyntaxError, EOFError, MemoryError, OverflowError) as error:
        reason = str(error) or type(error).__name__  # Pillow raises all of these on damaged files
    raise UnreadablePictureError(name, reason)


@contextmanager
def _unheard() -> Iterator[None]:
    """Hear none of Pillow's warnings; what is far too large is refused all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reduce(picture: Image.Image) -> None:
    """Decode a JPEG of very many pixels small; refuse others, which may be made to fill memory."""
    most = Image.MAX_IMAGE_PIXELS
    if most and picture.width * picture.height > most:
        picture.draft("", (_LARGE, _LARGE))
        if picture.width * picture.height > most:
            raise Image.DecompressionBombError(
                f"{picture.width} x {picture.height} px, at most {most:,} pixels are read"
            )


def _first(name: str, picture: Image.Image, from_picture: Reader[T]) -> T:
    """Read the first frame of a picture that is not refused, such as for being blank."""
    count = getattr(picture, "n_frames", 1)
    for number in range(count):
        picture.seek(number)  # not decoded yet: a JPEG may be decoded small
        try:
            image = from_picture(picture)
        except ValueError:
            if number + 1 == min(count, _MOST_FRAMES):
                raise
            continue
        if count > 1:
            note(f"{name}: frame {number + 1} of {count} was read")
        return image
    raise ValueError("it has no frame")


def _formats() -> list[str]:
    """List what Pillow reads by itself: for EPS it would start another program."""
    Image.init()
    return [kind for kind in Image.OPEN if kind != "EPS"]


def _is_hidden(file: Path) -> bool:
    return any(part.startswith(".") for part in file.parts)


def _source(name: str) -> str | BinaryIO:
    if name != STDIN:
        return name
    content = sys.stdin.buffer.read()
    if not content:
        raise ValueError("standard input is empty")
    return BytesIO(content)
