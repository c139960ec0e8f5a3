"""Say which class pictures belong to: `python -m src.predict --help`."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.printable import printable
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from torch import Tensor

    from src.deployment.answers import Answer
    from src.deployment.classifier import Classifier

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
        from src.deployment.classifier import Classifier
        from src.deployment.numbers import alone
        from src.engine.checkpoints.trained import Trained
        from src.evaluation.classification.trained_classifier import TrainedClassifier

        loaded = Trained.load(given.ckpt, given.data_dir, given.trust)
        trained = TrainedClassifier.of(loaded, "predict")
        reader = trained.published("from_picture")
        if given.all:
            kind = type(trained.data).__name__
            reader = getattr(trained.data, "all_from_picture", None)
            if reader is None:
                raise ValueError(f"--all: {kind} finds one thing in a picture: leave --all out")
        names = trained.published("class_names")
        classifier = Classifier(**trained.classifier_parts()).eval()
        angles = getattr(trained.data, "angles", ())
        if not given.all:
            one_from_picture = getattr(trained.data, "one_from_picture", None)
            reader = alone(classifier, reader, one_from_picture, angles)
    with one_line_failures(RUN_ERROR, given.debug):
        say = _numbers if given.all else partial(_classes, angles=angles)
        text, refused = say(given, classifier, reader, names)
        _print(text)
    sys.exit(RUN_ERROR if refused else 0)


def _classes(
    given: Namespace,
    classifier: "Classifier",
    reader: Any,
    names: Sequence[str],
    angles: Sequence[float],
) -> tuple[str, dict[str, str]]:
    """Classify pictures; gives also why some got no answer, by file."""
    from src.deployment.answers import FORMATS, classify

    answers: list[Answer] = []
    waiting: list[tuple[str, Tensor]] = []
    refused: dict[str, str] = {}
    for read in _read(given.images, reader, refused):
        waiting.append(read)
        if len(waiting) == _BATCH:
            answers += classify(classifier, waiting, names, angles)
            waiting.clear()
    answers += classify(classifier, waiting, names, angles)
    return FORMATS[given.format](answers, names, refused), refused


def _numbers(
    given: Namespace, classifier: "Classifier", reader: Any, names: Sequence[str]
) -> tuple[str, dict[str, str]]:
    """Read a number in each picture; gives also why some got no answer, by file."""
    from src.deployment.numbers import FORMATS, read_number

    refused: dict[str, str] = {}
    found = _read(given.images, reader, refused)
    numbers = [read_number(classifier, file, parts, names) for file, parts in found]
    return FORMATS[given.format](numbers, refused), refused


def _read(names: Sequence[str], reader: Any, refused: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Read pictures; those that cannot be read are named, and noted with the reason."""
    from src.deployment.pictures import UnreadablePictureError, read_pictures

    for read in read_pictures(names, reader):
        if isinstance(read, UnreadablePictureError):
            refused[read.file] = read.reason
            print(f"error: {printable(str(read))}", file=sys.stderr)
        else:
            yield read


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
    parser.add_argument(
        "--all",
        action="store_true",
        help="read several digits of a picture from left to right, such as a number of a form",
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
