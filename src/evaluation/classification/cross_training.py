"""What networks say of training images that they have not seen."""

import time
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch import Tensor

from src.engine.checkpoints.build import build
from src.engine.console.failure import interrupts
from src.engine.console.note import note
from src.engine.console.quiet import quiet
from src.engine.exact.step_seed import StepSeed
from src.engine.lightning_compat import ignore_cluster_checkpoints
from src.evaluation.classification.folds import Part, divide, must_keep, training_split
from src.evaluation.classification.trained_classifier import TrainedClassifier

_KEPT = (  # settings of the Trainer that decide what a network learns, and where
    *("accelerator", "precision", "deterministic", "benchmark", "detect_anomaly"),
    *("max_epochs", "min_epochs", "max_steps", "min_steps", "max_time"),
    *("limit_train_batches", "overfit_batches", "reload_dataloaders_every_n_epochs"),
    *("accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm"),
)


class Unseen(NamedTuple):
    """Answers to images out of sample, in the order of the training split.

    Attributes:
        probability: Probability of each class, `(N, K)`, `float32`.
        label: Given class indices, `(N,)`, `int64`.
        fold: Fold of each image, `(N,)`, `int64`; the network that answered saw all the others.
    """

    probability: Tensor
    label: Tensor
    fold: Tensor


class CrossTraining:
    """Train a network for each fold of the training split, on all but that fold.

    The networks have the settings and the seed of a run. Validation and test images are not looked
    at, and nothing is written.

    Args:
        trained: The run; its data set gets other splits while `run` works.
        num_folds: Number of folds.

    Attributes:
        split: The training split.
        fold: Fold of each of its images, `(N,)`, `int64`.

    Raises:
        ValueError: The data set cannot be divided, or not into so many folds.
        FileNotFoundError: Its files cannot be had.
    """

    def __init__(self, trained: TrainedClassifier, num_folds: int) -> None:
        self.trained = trained
        self.num_folds = num_folds
        self.split = training_split(trained.data)
        self.fold = divide(len(self.split.label), num_folds)
        if trained.checkpoint["provenance"][0]["inputs"].get("weights"):
            note("the run began with weights from elsewhere; the networks of the folds do not")

    def run(self) -> Unseen:
        """Train all networks, one after the other, with a line on standard error for each.

        Returns:
            What each says of the fold that it has not seen.

        Raises:
            FloatingPointError: A network diverged.
        """
        data: Any = self.trained.data
        before = data.splits
        try:
            said = [self._ask(number) for number in range(self.num_folds)]
        finally:
            data.splits, data.trainer = before, None
        probability = torch.empty(len(self.fold), said[0].shape[1])
        for number, answers in enumerate(said):
            probability[self.fold == number] = answers
        return Unseen(probability, torch.as_tensor(self.split.label), self.fold)

    def _ask(self, number: int) -> Tensor:
        """Train a network without a fold and return the probabilities of the fold."""
        began = time.perf_counter()
        data: Any = self.trained.data
        parts = {
            "train": Part(self.split, (self.fold != number).nonzero().flatten()),
            "unseen": Part(self.split, (self.fold == number).nonzero().flatten()),
        }
        data.splits = parts
        task, device = self._train()
        if data.splits is not parts:
            raise ValueError(must_keep(data))
        trained = replace(self.trained, task=task.to(device).eval())
        with torch.inference_mode():
            said = [task(batch.image).float().cpu() for batch in trained.batches("unseen", device)]
        probability = torch.cat(said).softmax(dim=1)
        if not bool(torch.isfinite(probability).all()):
            raise FloatingPointError(f"the network of fold {number + 1} diverged")
        right = (probability.argmax(dim=1) == parts["unseen"].label).float().mean().item()
        text = f"{right:.2%} of {len(probability):,} unseen images right"
        note(f"fold {number + 1} of {self.num_folds}: {text}, {time.perf_counter() - began:.1f} s")
        return probability

    def _train(self) -> tuple[LightningModule, torch.device]:
        config = self.trained.config
        seed_everything(config.content["seed_everything"], workers=True, verbose=False)
        task, _ = build(config)
        given = config.content["trainer"]
        with quiet(), interrupts():
            trainer = Trainer(
                **{name: given[name] for name in _KEPT if given.get(name) is not None},
                plugins=LightningEnvironment(),  # one process, also in a job of a cluster
                devices=1,
                logger=False,
                callbacks=[StepSeed()],
                enable_checkpointing=False,
                enable_model_summary=False,
                enable_progress_bar=False,
                limit_val_batches=0,
                num_sanity_val_steps=0,
            )
            ignore_cluster_checkpoints(trainer, None)
            trainer.fit(task, datamodule=self.trained.data)
        self.trained.data.trainer = None  # else it might go on to augment
        return task, trainer.strategy.root_device
