"""Networks from images to logits, in plain torch."""

from src.models.cnn import CNN as CNN
