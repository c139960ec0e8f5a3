"""A data set that needs a key, and writes down all that it is given."""

from tests.tiny_mnist import TinyMNIST


class KeyedMNIST(TinyMNIST):
    def __init__(
        self,
        data_dir: str = "data",
        batch_size: int = 20,
        api_key: str | None = None,
        address: str = "",
    ) -> None:
        super().__init__(data_dir, batch_size=batch_size)
        self.save_hyperparameters()
