"""Where batches come from."""

from src.data.cifar import CIFAR10DataModule as CIFAR10DataModule
from src.data.cifar import CIFAR100DataModule as CIFAR100DataModule
from src.data.cluttered_mnist import ClutteredMNISTDataModule as ClutteredMNISTDataModule
from src.data.emnist import EMNISTDataModule as EMNISTDataModule
from src.data.fashion_mnist import FashionMNISTDataModule as FashionMNISTDataModule
from src.data.image_data_module import ImageDataModule as ImageDataModule
from src.data.image_folder_data_module import ImageFolderDataModule as ImageFolderDataModule
from src.data.images import Images as Images
from src.data.kmnist import KMNISTDataModule as KMNISTDataModule
from src.data.mnist import MNISTDataModule as MNISTDataModule
from src.data.per_image_affine import PerImageAffine as PerImageAffine
from src.data.per_image_elastic import PerImageElastic as PerImageElastic
from src.data.qmnist import QMNISTDataModule as QMNISTDataModule
from src.data.several_mnist import SeveralMNISTDataModule as SeveralMNISTDataModule
from src.data.svhn import SVHNDataModule as SVHNDataModule
from src.data.text import TextDataModule as TextDataModule
from src.data.turned_mnist import TurnedMNISTDataModule as TurnedMNISTDataModule
from src.engine import ExactLoader as ExactLoader
