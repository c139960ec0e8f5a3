"""What is trained and in which mode, as a run has changed it on the way."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from typing_extensions import override


class Flags(Callback):
    """Save which parameters are frozen and which modules evaluate, and set it again on resuming.

    Lightning saves neither, and a fine-tuning callback freezes again what it has set free before.
    """

    def __init__(self) -> None:
        self._saved: dict[str, list[str]] = {}

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        modules = [*pl_module.named_modules()]
        checkpoint["flags"] = {
            "frozen": [name for name, p in pl_module.named_parameters() if not p.requires_grad],
            "evaluating": [name for name, module in modules if not module.training],
            "untracked": [name for name, module in modules if not _tracks(module)],
        }

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._saved = checkpoint.get("flags", {}) if trainer.training else {}

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._saved:
            return
        saved, self._saved = {kind: {*names} for kind, names in self._saved.items()}, {}
        for name, parameter in pl_module.named_parameters():
            parameter.requires_grad_(name not in saved["frozen"])
        for name, module in pl_module.named_modules():
            module.training = name not in saved["evaluating"]
            if hasattr(module, "track_running_stats"):
                module.track_running_stats = name not in saved["untracked"]


def _tracks(module: nn.Module) -> bool:
    return bool(getattr(module, "track_running_stats", True))
