"""`SeveralMNISTDataModule` whose official files are synthetic ones."""

from src.data import SeveralMNISTDataModule
from tests.tiny_mnist import TinyMNIST


class TinySeveralMNIST(SeveralMNISTDataModule):
    """Bars in noise, up to four in an image."""

    checksums = TinyMNIST.checksums
