"""`ClutteredMNISTDataModule` whose official files are synthetic ones."""

from src.data import ClutteredMNISTDataModule
from tests.tiny_mnist import TinyMNIST


class TinyClutteredMNIST(ClutteredMNISTDataModule):
    """Bars in noise, in clutter."""

    checksums = TinyMNIST.checksums
