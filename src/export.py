"""Write a trained network in formats that other programs read: `python -m src.export --help`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.table import entries
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from src.deployment.deployed import Deployed
    from src.engine.checkpoints.trained import Trained

NAMES = ("pt", "safetensors", "onnx", "torch_export")
_NAME = 17  # characters of the longest name of a file


def main(args: list[str] | None = None) -> None:
    """Export a checkpoint: each file is read back, compared, and only then written.

    Args:
        args: Words of the command; None takes those of the process.
    """
    started = time.perf_counter()
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.deployment.formats import refuse_missing_packages

        refuse_missing_packages(given.format)
        from src.engine.checkpoints.trained import Trained
        from src.engine.console.shown import shown
        from src.engine.files.atomic_write import write_atomic

        trained = Trained.load(given.ckpt, given.data_dir, given.trust)
        deployed = _deployed(trained)
        out = given.out or _folder(trained)
    with one_line_failures(RUN_ERROR, given.debug):
        print(entries({"checkpoint": shown(trained.path)}, _NAME))
        for name, content, row in _files(deployed, given.format):
            write_atomic(out / name, content)
            print(entries({name: row}, _NAME), flush=True)
        seconds = f"{time.perf_counter() - started:.1f}"
        print(entries({"folder": shown(out), "seconds": seconds}, _NAME))


def _parser() -> VerbParser:
    parser = VerbParser(
        "export",
        "Write a trained network for other programs: pt and safetensors hold its weights; onnx and "
        "torch_export compute what the task says, logits and probabilities or estimates. Each file "
        "is read back and compared on samples of the test before it is kept.",
    )
    parser.add_trained()
    parser.add_argument(
        "--format", nargs="+", choices=NAMES, default=NAMES, help="formats (default: all)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of the files (default: export/ beside the checkpoint of a run, or here)",
    )
    return parser


def _deployed(trained: "Trained") -> "Deployed":
    """Gather what files hold; refuses, before any work, what cannot be exported."""
    from src.deployment.classifier import Classifier
    from src.deployment.deployed import TESTED, deployed_classifier, deployed_task
    from src.evaluation.classification.trained_classifier import KIND, TrainedClassifier

    if trained.kind != KIND:
        return deployed_task(trained)
    tested = TrainedClassifier.of(trained, "export")
    image = tested.images("test").image[:TESTED]
    return deployed_classifier(
        Classifier(**tested.classifier_parts()),
        image.float() / 255,
        tested.published("class_names"),
        calibrated=tested.temperature is not None,
    )


def _folder(trained: "Trained") -> Path:
    from src.engine.files.links import refuse_links

    if trained.run is None:
        return Path("export")
    refuse_links(trained.run.checkpoint_dir)
    return trained.run.checkpoint_dir / "export"


def _files(deployed: "Deployed", names: list[str]) -> "Iterator[tuple[str, bytes, str]]":
    """Make each file and compare it: its name, its content and what the table says of it."""
    from src.deployment.formats import FORMATS, Exporter
    from src.deployment.verify import refuse_other_answers

    exporter = Exporter(deployed)
    for name in (name for name in NAMES if name in names):
        file, how = FORMATS[name]
        content, difference = getattr(exporter, name)()
        refuse_other_answers(file, difference)
        size = f"{len(content):,} bytes"
        yield file, content, f"{size}, largest difference {difference:.1g}, {how}"


if __name__ == "__main__":
    main()
