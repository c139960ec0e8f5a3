"""Say which class pictures belong to: `python -m src.predict --help`."""

import os
import sys
from typing import TYPE_CHECKING

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.printable import printable
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from torch import Tensor

    from src.deployment.answers import Answer

_BATCH = 256  # pictures at once


def main(args: list[str] | None = None) -> None:
    """Classify pictures with what a run has learned.

    Args:
        args: Words of the command; None takes those of the process.

    Raises:
        SystemExit: With 1, some pictures cannot be read.
    """
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.deployment.answers import FORMATS, classify
        from src.deployment.classifier import Classifier
        from src.deployment.pictures import UnreadablePictureError, read_pictures
        from src.engine.checkpoints.trained import Trained
        from src.evaluation.classification.trained_classifier import TrainedClassifier

        loaded = Trained.load(given.ckpt, given.data_dir, given.trust)
        trained = TrainedClassifier.of(loaded, "predict")
        from_picture = trained.published("from_picture")
        names = trained.published("class_names")
        classifier = Classifier(**trained.classifier_parts()).eval()
    with one_line_failures(RUN_ERROR, given.debug):
        answers: list[Answer] = []
        waiting: list[tuple[str, Tensor]] = []
        refused: dict[str, str] = {}
        for read in read_pictures(given.images, from_picture):
            if isinstance(read, UnreadablePictureError):
                refused[read.file] = read.reason
                print(f"error: {printable(str(read))}", file=sys.stderr)
                continue
            waiting.append(read)
            if len(waiting) == _BATCH:
                answers += classify(classifier, waiting, names)
                waiting.clear()
        answers += classify(classifier, waiting, names)
        _print(FORMATS[given.format](answers, names, refused))
    sys.exit(RUN_ERROR if refused else 0)


def _parser() -> VerbParser:
    parser = VerbParser(
        "predict",
        "Classify pictures, with the probability of each class. A picture may be dark on light or "
        "light on dark, of any size and format that Pillow reads. Exit code: 0, all pictures were "
        "classified; 1, some cannot be read; 2, the command or the checkpoint is wrong.",
    )
    parser.add_trained()
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="picture, folder (all pictures in it) or `-`: one picture from standard input",
    )
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table")
    return parser


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader has seen enough; Python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
