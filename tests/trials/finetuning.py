"""A callback that trains the head first and adds the rest to the optimizer on the way."""

import torch
from lightning.pytorch.callbacks import BaseFinetuning

from tests.trials.classifier import OwnLoaders


class HeadFirst(BaseFinetuning):
    def __init__(self, epoch: int = 1) -> None:
        super().__init__()
        self.epoch = epoch

    def freeze_before_training(self, pl_module):
        self.freeze(pl_module.net[0])

    def finetune_function(self, pl_module, epoch, optimizer):
        if epoch == self.epoch:
            self.unfreeze_and_add_param_group(pl_module.net[0], optimizer, lr=0.001)


class Pretrained(OwnLoaders):
    def configure_optimizers(self):
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.Adam(trained, lr=self.hparams.lr)
