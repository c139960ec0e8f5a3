"""Files of pictures as images for a network."""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError
from torch import Tensor

STDIN = "-"

Reader = Callable[[Image.Image], Tensor]


class UnreadablePictureError(Exception):
    """A file gives no image; the message is one line that names it.

    Args:
        name: The file.
        reason: What is wrong with it.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {' '.join(reason.split())}")


def read_pictures(
    names: Iterable[str], from_picture: Reader
) -> Iterator[tuple[str, Tensor] | UnreadablePictureError]:
    """Read pictures one by one; one that cannot be read does not stop the others.

    Args:
        names: Files, folders (all pictures in them, sorted) and `-` for standard input.
        from_picture: Makes an image of the data set from a picture; its ValueError is a reason.

    Yields:
        Name and image, `(C, H, W)`, `uint8`, or what is wrong with the file.
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
    """List the files, at any depth, whose suffix is one of pictures.

    Args:
        folder: Where to look.

    Returns:
        Their names, sorted.
    """
    known = Image.registered_extensions()  # suffix to format
    suffixes = {suffix for suffix, kind in known.items() if kind in Image.OPEN}
    files = (file for file in folder.rglob("*") if file.suffix.lower() in suffixes)
    return [str(file) for file in sorted(files) if file.is_file()]


def read_picture(name: str, from_picture: Reader) -> Tensor:
    """Read one picture.

    Args:
        name: A file, or `-` for standard input.
        from_picture: Makes an image of the data set from a picture.

    Returns:
        Image, `(C, H, W)`, `uint8`.

    Raises:
        UnreadablePictureError: The file is not there, not a picture, damaged, far too large or
            blank.
    """
    try:
        with _bombs_refused(), Image.open(_source(name)) as picture:
            picture.load()
            return from_picture(picture)
    except FileNotFoundError:
        reason = "there is no such file"
    except UnidentifiedImageError:
        reason = "it is not a picture that Pillow can read"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = f"it is far too large: {error}"
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
    except (ValueError, SyntaxError, EOFError, MemoryError, OverflowError) as error:
        reason = str(error) or type(error).__name__  # Pillow raises all of these on damaged files
    raise UnreadablePictureError(name, reason)


@contextmanager
def _bombs_refused() -> Iterator[None]:
    """Refuse what Pillow takes for a decompression bomb, and hear none of its other warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _source(name: str) -> str | BinaryIO:
    return BytesIO(sys.stdin.buffer.read()) if name == STDIN else name
