"""Grey images of 28 x 28 px in the file format of MNIST."""

from typing_extensions import override

from src.data.files import read_idx
from src.data.image_data_module import ImageDataModule
from src.data.images import Images


class IdxDataModule(ImageDataModule):
    """Images and labels in two files for each part; the names are those of MNIST."""

    image_shape = (1, 28, 28)
    image_file = "{}-images-idx3-ubyte"
    label_file = "{}-labels-idx1-ubyte"
    parts = "train", "t10k"

    @override
    def read(self, train: bool) -> Images:
        part = self.parts[0 if train else 1]
        image = read_idx(self.folder, self.image_file.format(part))  # (N, 28, 28)
        label = read_idx(self.folder, self.label_file.format(part)).long()
        return Images(image.unsqueeze(1), label)
