"""What a drawing shows, as an answer to the page of the demo."""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, UnidentifiedImageError
from torch import Tensor

from src.deployment.answers import classify
from src.deployment.classifier import Classifier

_MAX_PIXELS = 4_000_000  # a small file can unpack to more than the memory holds


class Recogniser:
    """Says what a drawing shows.

    Args:
        classifier: Network with its normalisation and temperature, in evaluation mode.
        from_picture: Turns a picture into pixels as the network was trained on, `(C, H, W)`,
            `uint8`.
        class_names: Names of the K classes.
        angles: Angles by which each picture is turned, too, see `classify` [degrees].
    """

    def __init__(
        self,
        classifier: Classifier,
        from_picture: Callable[[Image.Image], Tensor],
        class_names: Sequence[str],
        angles: Sequence[float] = (),
    ) -> None:
        self.classifier = classifier
        self.from_picture = from_picture
        self.class_names = class_names
        self.angles = angles

    def __call__(self, content: bytes) -> dict[str, Any]:
        """Classify a picture.

        Args:
            content: A PNG file.

        Returns:
            Name of the likeliest class, its probability, those of all classes, and the image that
            the network saw as a data URI; of a picture without an answer, None as the name, and
            the reason as `error` unless it is empty.

        Raises:
            ValueError: It is not a picture, or too large.
        """
        picture = _open(content)
        low, high = picture.convert("L").getextrema()
        if low == high:
            return {"prediction": None}
        try:
            seen = self.from_picture(picture)
        except ValueError as error:  # it was read, and shows nothing that could be told
            return {"prediction": None, "error": str(error)}
        (answer,) = classify(self.classifier, [("drawing", seen)], self.class_names, self.angles)
        return answer.choice | {"seen": _data_uri(seen)}


def _open(content: bytes) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(content), formats=["PNG"])
        if picture.width * picture.height > _MAX_PIXELS:
            raise ValueError(f"it has more than {_MAX_PIXELS:,} pixels")
        picture.load()
    except Exception as error:  # Pillow has many, such as SyntaxError
        reason = " ".join(str(error).split())
        if isinstance(error, UnidentifiedImageError):
            reason = "no PNG file"
        raise ValueError(f"the picture cannot be read: {reason}") from error
    return picture


def _data_uri(image: Tensor) -> str:
    """Write an image, `(1 or 3, H, W)`, as a PNG in an address."""
    array = image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
