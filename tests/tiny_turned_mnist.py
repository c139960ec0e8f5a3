"""`TurnedMNISTDataModule` whose official files are synthetic ones."""

from src.data import TurnedMNISTDataModule
from tests.tiny_mnist import TinyMNIST


class TinyTurnedMNIST(TurnedMNISTDataModule):
    """Bars in noise, turned."""

    checksums = TinyMNIST.checksums
