import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.evaluation.section import GroupSection, Section


def test_picture_that_is_not_there_has_no_address(tmp_path: Path) -> None:
    section = Section("a", {}, {}, [], {}, None, tmp_path, {})
    assert section.picture("confusion") == ""
    (tmp_path / "confusion.png").write_bytes(b"x")
    assert section.picture("confusion").startswith("data:image/png;base64,")
    assert section.mistakes() == []
    (tmp_path / "mistakes.png").symlink_to(tmp_path / "confusion.png")
    assert section.picture("mistakes") == ""


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_mistakes_have_their_images(tmp_path: Path, channels: int, mode: str) -> None:
    image = np.arange(24 * channels, dtype=np.uint8).reshape(1, channels, 4, 6)
    summary = json.loads('{"mistakes": [{"label": "7"}]}')
    (mistake,) = Section("a", {}, {}, [], {}, summary, tmp_path, {}, images=image).mistakes()
    assert mistake["label"] == "7"
    content = base64.b64decode(mistake["picture"].partition(",")[2])
    with Image.open(io.BytesIO(content), formats=["PNG"]) as shown:
        assert (shown.mode, shown.size) == (mode, (6, 4))
        pixels = np.asarray(shown).reshape(4, 6, channels)
        assert np.array_equal(np.moveaxis(pixels, -1, 0), image[0])
    assert Section("a", {}, {}, [], {}, None, tmp_path, {}, images=image).mistakes() == []


def test_pictures_of_a_group_are_named_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "a_b.png").write_bytes(b"x")
    pictures = GroupSection("g", "", [tmp_path / "a_b.png"]).pictures()
    assert pictures == {"a b": "data:image/png;base64,eA=="}
