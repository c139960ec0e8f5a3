"""Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28 px."""

from collections.abc import Mapping

from torchvision.datasets import FashionMNIST

from src.data.idx_data_module import IdxDataModule
from src.data.pictures import light_on_black

SHA256 = {  # of the uncompressed files
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


class FashionMNISTDataModule(IdxDataModule):
    """Clothes in grey on black: 55,000 images to train, 5,000 to validate, 10,000 to test.

    References:
        Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
        learning algorithms", 2017. arXiv:1708.07747
    """

    title = "Fashion-MNIST"
    num_classes = 10
    class_names = tuple(FashionMNIST.classes)
    subfolder = "FashionMNIST/raw"
    checksums: Mapping[str, str] = SHA256
    # The last is where Debian's package dataset-fashion-mnist puts them.
    sources = (*FashionMNIST.mirrors, "file:///usr/share/datasets/fashion-mnist/")
    from_picture = staticmethod(light_on_black)
