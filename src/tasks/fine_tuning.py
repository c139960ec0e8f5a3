"""Classification by a network that has learned something else before."""

from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from typing_extensions import override

from src.batch import Batch
from src.engine import UsageError
from src.tasks.classification import ClassificationTask

_BATCH_NORM = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm


class FineTuningTask(ClassificationTask):
    """Train the last layer alone at first, then all layers, those near the image more slowly.

    `train/acc` is that of the labels before images were mixed.

    Args:
        network: Maps images `(B, C, H, W)` to logits `(B, K)`.
        num_classes: Number of classes K.
        frozen_epochs: Epochs in which the last layer with K outputs alone is trained. Batch norm of
            the others keeps its statistics in them.
        layer_decay: Learning rate of a layer as a fraction of that of the next one, in `(0, 1]`.
        mixup: Concentration of the shares in which images are mixed in pairs; 0 mixes none.
        cutmix: The same for rectangles that change places. With both, each batch draws which.
        **settings: Those of ClassificationTask.

    Raises:
        ValueError: A setting is outside of its range.

    References:
        Clark, Luong, Le and Manning, "ELECTRA", ICLR 2020 (the decay). arXiv:2003.10555
        Zhang, Cisse, Dauphin and Lopez-Paz, "mixup", ICLR 2018. arXiv:1710.09412
        Yun, Han, Oh, Chun, Choe and Yoo, "CutMix", ICCV 2019. arXiv:1905.04899
    """

    def __init__(
        self,
        network: nn.Module,
        num_classes: int = 10,
        frozen_epochs: int = 0,
        layer_decay: float = 1.0,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(network, **settings)
        if not 0 < layer_decay <= 1 or min(frozen_epochs, mixup, cutmix) < 0:
            raise ValueError(
                "FineTuningTask needs layer_decay in (0, 1] and frozen_epochs, mixup and cutmix of "
                f"at least 0, got {layer_decay=}, {frozen_epochs=}, {mixup=}, {cutmix=}"
            )
        self.num_classes = num_classes
        self.frozen_epochs = frozen_epochs
        self.layer_decay = layer_decay
        self.is_frozen = False
        self._trained = {name for name, p in network.named_parameters() if p.requires_grad}
        self.mix = _mix(mixup, cutmix, num_classes) if mixup or cutmix else None

    @override
    def on_train_epoch_start(self) -> None:
        # It depends on the epoch alone, also when a run continues, and with fewer frozen epochs.
        if self.frozen_epochs or self.is_frozen:
            self._freeze(self.current_epoch < self.frozen_epochs)

    @override
    def mixed(self, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.mix is None:
            return super().mixed(batch)
        image, target = self.mix(batch.image, batch.label)  # (B, C, H, W), (B, K)
        return image, target

    @override
    def optimizer(self) -> Optimizer:
        if self.layer_decay == 1:
            return super().optimizer()
        layers = layers_of(self.network)[::-1]  # the rate of the first group is logged
        optimizer = self.make_optimizer([{"params": layer} for layer in layers])
        for number, group in enumerate(optimizer.param_groups):
            group["lr"] = group["lr"] * self.layer_decay**number
        return optimizer

    def _freeze(self, frozen: bool) -> None:
        self.is_frozen = frozen
        free = {id(parameter) for parameter in self._head().parameters()}
        for name, parameter in self.network.named_parameters():
            trained = not frozen or id(parameter) in free
            parameter.requires_grad_(trained and name in self._trained)
        for module in self.network.modules():
            if isinstance(module, _BATCH_NORM):
                module.train(not frozen)

    def _head(self) -> nn.Module:
        """Find the last layer with as many outputs as there are classes."""
        for module in reversed([*self.network.modules()]):
            outputs = getattr(module, "out_features", getattr(module, "out_channels", 0))
            if outputs == self.num_classes and [*module.parameters()]:
                return module
        raise UsageError(
            f"frozen_epochs needs a network whose last layer has {self.num_classes} outputs, a "
            "linear layer or a convolution; this one has none: leave frozen_epochs out"
        )


def _mix(mixup: float, cutmix: float, num_classes: int) -> nn.Module:
    from torchvision.transforms import v2  # takes 30 ms, which only those pay who mix

    kinds = ((v2.MixUp, mixup), (v2.CutMix, cutmix))
    mixes = [kind(alpha=alpha, num_classes=num_classes) for kind, alpha in kinds if alpha]
    chosen: nn.Module = v2.RandomChoice(mixes)
    return chosen


def layers_of(network: nn.Module) -> list[list[nn.Parameter]]:
    """List the parameters of each layer of a network.

    Args:
        network: Network whose modules stand in the order in which they are used; those in a
            `Sequential` or `ModuleList` are layers of their own.

    Returns:
        Parameters of the first layer, of the second one, and so on.
    """
    own, children = [*network.parameters(recurse=False)], [*network.children()]
    if len(children) == 1 and not own:
        return layers_of(children[0])
    parts: list[nn.Module] = []
    for child in children:
        parts += child.children() if isinstance(child, nn.Sequential | nn.ModuleList) else [child]
    layers = [own, *([*part.parameters()] for part in parts)]
    return [layer for layer in layers if layer]
