"""Networks from images, or from text, to logits, in plain torch."""

from src.models.batch_norm_cnn import BatchNormCNN as BatchNormCNN
from src.models.causal_transformer import CausalTransformer as CausalTransformer
from src.models.cnn import CNN as CNN
from src.models.timm_model import TimmModel as TimmModel
from src.models.unet import UNet as UNet
