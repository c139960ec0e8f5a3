"""Networks from images to logits, in plain torch."""

from src.models.batch_norm_cnn import BatchNormCNN as BatchNormCNN
from src.models.cnn import CNN as CNN
from src.models.timm_model import TimmModel as TimmModel
