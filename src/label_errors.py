"""Find suspected label errors of the training images: `python -m src.label_errors --help`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.table import entries
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from src.evaluation.classification.cross_training import CrossTraining


def main(args: list[str] | None = None) -> None:
    """Train networks that each leave out a part of the training images, and doubt labels by them.

    Args:
        args: Words of the command; None takes those of the process.
    """
    started = time.perf_counter()
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.engine.checkpoints.trained import Trained
        from src.engine.console.quiet import silence_known_noise
        from src.engine.files.links import refuse_links
        from src.evaluation.classification.cross_training import CrossTraining
        from src.evaluation.classification.label_errors import require_cleanlab
        from src.evaluation.classification.trained_classifier import TrainedClassifier

        require_cleanlab()
        if given.num_images < 1:
            raise ValueError(f"--num_images must be at least 1, got {given.num_images}")
        silence_known_noise()
        loaded = Trained.load(given.ckpt, given.data_dir, given.trust)
        trained = TrainedClassifier.of(loaded, "label_errors")
        if trained.log_dir:
            refuse_links(trained.log_dir)
        training = CrossTraining(trained, given.folds)
    with one_line_failures(RUN_ERROR, given.debug):
        print(
            _find(
                training,
                given.out or (trained.log_dir or Path()) / "label_errors",
                given.num_images,
            )
        )
        print(entries({"seconds": f"{time.perf_counter() - started:.1f}"}))


def _parser() -> VerbParser:
    parser = VerbParser(
        "label_errors",
        "Find training images with labels that seem wrong. Networks with the settings of a run are "
        "each trained without one fold, which they then predict; cleanlab ranks the labels that "
        "contradict the predictions. Validation and test images are not used.",
    )
    parser.add_trained()
    parser.add_argument("--folds", type=int, default=5, help="networks to train (default: 5)")
    parser.add_argument(
        "--num_images", type=int, default=48, help="images in the picture (default: 48)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of the files (default: label_errors/ of the run, or here)",
    )
    return parser


def _find(training: "CrossTraining", out: Path, num_images: int) -> str:
    import io

    import numpy as np

    from src.engine.console.shown import shown
    from src.engine.files.atomic_write import write_atomic
    from src.evaluation.classification.label_errors import LabelErrors

    unseen = training.run()
    data = training.trained.data
    names = training.trained.class_names(unseen.probability.shape[1])
    files = training.trained.file_names("train")
    errors = LabelErrors(unseen.probability, unseen.label, names, files)
    archive = io.BytesIO()
    np.savez(archive, **{name: part.numpy() for name, part in unseen._asdict().items()})
    contents = {
        "label_errors.png": errors.png(training.split.image, num_images),
        "label_errors.csv": errors.csv(getattr(data, "train_indices", None)),
        "probabilities.npz": archive.getvalue(),
    }
    for name, content in contents.items():
        write_atomic(out / name, content)
    right = (unseen.probability.argmax(dim=1) == unseen.label).float().mean().item()
    rows = {
        "checkpoint": shown(training.trained.path),
        "images": f"{len(unseen.label):,} of the training split, {training.num_folds} folds",
        "accuracy": f"{right:.2%} out of sample",
        "suspected": f"{len(errors.index):,} label errors",
    }
    last = entries({"files": f"{shown(out)}/{', '.join(contents)}"})
    return f"{entries(rows)}\n\n{errors.table()}\n\n{last}"


if __name__ == "__main__":
    main()
