import io
import struct
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch import Tensor

from src.deployment import pictures
from src.deployment.pictures import (
    UnreadablePictureError,
    pictures_in,
    read_picture,
    read_pictures,
)


def corner(picture: Image.Image) -> Tensor:
    """Read the upper left pixel; a white one is refused."""
    value = picture.convert("L").getpixel((0, 0))
    if value == 255:
        raise ValueError("the picture is\nwhite")
    return torch.tensor([[[value]]], dtype=torch.uint8)


def png(value: int, side: int = 4) -> bytes:
    content = io.BytesIO()
    Image.effect_noise((side, side), 50).point(lambda _: value).save(content, "png")
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    names = {"b.png": 2, "a.PNG": 1, "inner/c.png": 3, "notes.txt": 4}
    for name, value in names.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png(value))
    return tmp_path


def test_folder_is_read_in_order(folder: Path) -> None:
    assert pictures_in(Path()) == ["a.PNG", "b.png", "inner/c.png"]
    read = list(read_pictures(["inner", "b.png", "notes.txt"], corner))
    assert [(name, int(image)) for name, image in read] == [
        ("inner/c.png", 3),
        ("b.png", 2),
        ("notes.txt", 4),
    ]


def test_picture_comes_from_standard_input(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(png(7))))
    [(name, image)] = read_pictures(["-"], corner)
    assert (name, int(image)) == ("-", 7)


def bomb() -> bytes:
    """Claim 60,000 x 60,000 pixels in the header of a PNG file."""
    return png(0).replace(struct.pack(">II", 4, 4), struct.pack(">II", 60_000, 60_000))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such file"),
        (b"no picture", "it is not a picture that Pillow can read"),
        (b"", "it is not a picture that Pillow can read"),
        (png(0, 64)[:50], "it cannot be read: "),
        (png(255), "the picture is white"),
        (bomb(), ""),
    ],
)
def test_unreadable_picture_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "x.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UnreadablePictureError) as refusal:
        read_picture(str(file), corner)
    assert str(refusal.value).startswith(f"{file}: {reason}")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("most", [5, 10])  # Pillow warns above it, and fails above twice of it
def test_suspected_bomb_is_refused(folder: Path, monkeypatch, most: int) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with pytest.raises(
        UnreadablePictureError, match=r"b\.png: it is far too large: make it smaller: "
    ):
        read_picture("b.png", corner)


def test_photo_of_very_many_pixels_is_decoded_small(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "_LARGE", 16)
    Image.new("L", (64, 48), 7).save(tmp_path / "x.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    sizes = []
    read_picture(str(tmp_path / "x.jpg"), lambda picture: sizes.append(picture.size))
    assert sizes == [(32, 24)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("https://example.com/x.png", "an address is not fetched: download it and give the file"),
        ("photo.HEIC", "HEIC is not read: save it as JPEG or PNG"),
        ("-", "standard input is empty"),
    ],
)
def test_what_is_never_read_has_its_own_reason(folder, monkeypatch, name: str, reason: str) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO()))
    Path("photo.HEIC").write_bytes(b"....ftypheic")
    (refusal,) = read_pictures([name], corner)
    assert str(refusal) == f"{name}: {reason}"


def test_hidden_files_of_a_folder_are_left_out(folder: Path) -> None:
    for name in ("._b.png", ".trash/d.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert pictures_in(folder) == [str(folder / each) for each in ("a.PNG", "b.png", "inner/c.png")]


def test_first_frame_that_is_not_refused_is_read(folder: Path, capsys) -> None:
    frames = [Image.new("L", (4, 4), value) for value in (255, 3, 9)]
    frames[0].save("f.tif", save_all=True, append_images=frames[1:])
    assert int(read_picture("f.tif", corner)) == 3
    assert capsys.readouterr().err == "note: f.tif: frame 2 of 3 was read\n"
    frames[0].save("w.tif", save_all=True, append_images=[frames[0]] * 20)
    with pytest.raises(UnreadablePictureError, match="the picture is white"):
        read_picture("w.tif", corner)


def test_reading_goes_on_after_failures(folder: Path) -> None:
    (folder / "empty").mkdir()
    first, second, (name, _) = read_pictures(["empty", "nowhere.png", "b.png"], corner)
    assert str(first) == "empty: the folder holds no picture"
    assert str(second) == "nowhere.png: there is no such file"
    assert name == "b.png"


def test_reasons_are_those_of_the_file(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "x.png").write_bytes(png(3))
    for error, reason in [
        (OSError(5, "no disk"), "it cannot be read: no disk"),
        (OSError("cut"), "it cannot be read: cut"),
        (MemoryError(), "MemoryError"),
        (SyntaxError("bad\nchunk"), "bad chunk"),
    ]:

        def fail(picture: Image.Image, error: Exception = error) -> Tensor:
            raise error

        with pytest.raises(UnreadablePictureError) as refusal:
            read_picture(str(tmp_path / "x.png"), fail)
        assert str(refusal.value) == f"{tmp_path / 'x.png'}: {reason}"


def test_other_warnings_of_pillow_are_not_heard(folder: Path, recwarn) -> None:
    def warn(picture: Image.Image) -> Tensor:
        warnings.warn("odd file", UserWarning, stacklevel=1)
        return torch.zeros(1)

    read_picture("b.png", warn)
    assert not recwarn.list


def test_folders_with_the_name_of_a_picture_are_left_out(folder: Path) -> None:
    (folder / "d.png").mkdir()
    assert pictures_in(Path()) == ["a.PNG", "b.png", "inner/c.png"]


def test_nothing_is_read_that_starts_another_program(folder: Path) -> None:
    Image.new("RGB", (4, 4)).save("x.eps")
    Path("x.eps").rename("x.jpg")
    with pytest.raises(UnreadablePictureError, match="not a picture that Pillow can read"):
        read_picture("x.jpg", corner)


def test_jpeg_may_be_decoded_small(folder: Path) -> None:
    Image.new("L", (64, 64), 9).save("x.jpg")
    sizes = []

    def small(picture: Image.Image) -> Tensor:
        picture.draft("", (16, 16))
        sizes.append(picture.size)
        return corner(picture)

    read_picture("x.jpg", small)
    assert sizes == [(16, 16)]
