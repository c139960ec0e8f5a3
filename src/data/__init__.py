"""Where batches come from."""

from src.data.mnist import MNISTDataModule as MNISTDataModule
from src.data.per_image_affine import PerImageAffine as PerImageAffine
from src.data.per_image_elastic import PerImageElastic as PerImageElastic
from src.engine import ExactLoader as ExactLoader
