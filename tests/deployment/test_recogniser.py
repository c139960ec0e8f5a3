"""What is said of a drawing."""

import io

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from src.deployment.classifier import Classifier
from src.deployment.recogniser import Recogniser


def png(size: tuple[int, int] = (2, 2), dots: int = 1) -> bytes:
    picture = Image.new("L", size, 255)
    for x in range(dots):
        picture.putpixel((x, 0), 0)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def darkness(picture: Image.Image) -> Tensor:
    flat = torch.tensor([*picture.convert("L").tobytes()], dtype=torch.uint8)
    return 255 - flat.reshape(1, picture.height, picture.width)


RECOGNISE = Recogniser(Classifier(nn.Flatten(), 0.0, 1.0).eval(), darkness, ["a", "b", "c", "d"])


def test_probabilities_are_of_the_picture() -> None:
    answer = RECOGNISE(png())
    expected = torch.tensor([1.0, 0.0, 0.0, 0.0]).softmax(0).tolist()
    assert answer["prediction"] == "a"
    assert answer["probabilities"] == pytest.approx(dict(zip("abcd", expected, strict=True)))
    assert answer["probability"] == pytest.approx(expected[0])
    assert answer["seen"].startswith("data:image/png;base64,")


def test_empty_picture_has_no_class() -> None:
    assert RECOGNISE(png(dots=0)) == {"prediction": None}


@pytest.mark.parametrize("content", [b"", b"no picture", png((99, 99))[:60], png((2100, 2000))])
def test_other_content_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the picture cannot be read: [^\n]+$"):
        RECOGNISE(content)
