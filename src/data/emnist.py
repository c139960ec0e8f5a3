"""EMNIST: up to 814,255 images of handwritten digits and letters, 28 x 28 px."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipFile

from torchvision.datasets import EMNIST
from typing_extensions import override

from src.data.centred_digit import centred_digit
from src.data.files import read_idx
from src.data.idx_data_module import IdxDataModule
from src.data.images import Images

_ARCHIVE = "gzip.zip"  # all of it


class EMNISTDataModule(IdxDataModule):
    """Handwritten digits and letters, in six choices; of each a twelfth is for validation.

    Args:
        split: Which images: `byclass`, all, in 62 classes; `bymerge`, all, in 47, without letters
            that look alike in both cases; `balanced`, as many of each of these; `letters`;
            `digits`; `mnist`.
        **settings: Those of every data set of images here.

    References:
        Cohen, Afshar, Tapson and van Schaik, "EMNIST: extending MNIST to handwritten letters",
        IJCNN 2017. arXiv:1702.05373
    """

    title = "EMNIST"
    handwritten = True
    subfolder = "EMNIST/raw"
    checksums: Mapping[str, str] = {_ARCHIVE: EMNIST.md5}
    sources = (EMNIST.url.removesuffix(_ARCHIVE),)
    from_picture = staticmethod(centred_digit)

    def __init__(
        self,
        split: Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"] = "balanced",
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.split = split
        names = EMNIST.classes_split_dict[split]
        self.class_names = tuple(name for name in names if name != "N/A")  # letters begin at 1
        self.num_classes = len(self.class_names)
        self._first = len(names) - self.num_classes

    @override
    def read(self, train: bool) -> Images:
        part = "train" if train else "test"
        kinds = "images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"
        names = [f"gzip/emnist-{self.split}-{part}-{kind}" for kind in kinds]
        with tempfile.TemporaryDirectory() as place, ZipFile(self.folder / _ARCHIVE) as archive:
            image, label = (
                read_idx(Path(archive.extract(name, place)).parent, Path(name).name)
                for name in names
            )
        upright = image.transpose(1, 2).contiguous()  # (N, 28, 28)
        return Images(upright.unsqueeze(1), label.long() - self._first)
