"""Say where a trained network is right and wrong: `python -m src.evaluate --help`."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.table import entries
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from torch import Tensor

    from src.engine.checkpoints.trained import Trained
    from src.evaluation.classification.evaluation import Evaluation
    from src.evaluation.classification.predictions import Predictions
    from src.evaluation.classification.trained_classifier import TrainedClassifier
    from src.evaluation.wing import Addition


def main(args: list[str] | None = None) -> None:
    """Evaluate a checkpoint on a split: numbers to the terminal, all of it to files.

    Args:
        args: Words of the command; None takes those of the process.
    """
    started = time.perf_counter()
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.engine.checkpoints.trained import Trained
        from src.engine.console.quiet import silence_known_noise
        from src.engine.files.links import refuse_links
        from src.engine.files.reading import evaluation_dir

        silence_known_noise()
        trained = Trained.load(given.ckpt, given.data_dir, given.trust)
        if trained.run:
            refuse_links(trained.run.log_dir)
        classifier = _classifier(trained, given.split, given.projector)
        root = trained.log_dir or Path()
        out = given.out or evaluation_dir(root, trained.path, given.split)
    with one_line_failures(RUN_ERROR, given.debug):
        ready = time.perf_counter()
        say = partial(_evaluate, classifier) if classifier else partial(_ask, trained)
        print(say(given.split, out))
        if classifier and given.projector:
            print(_show_projector(classifier, given.split))
        done = time.perf_counter()
        seconds = f"{ready - started:.1f} startup, {done - ready:.1f} evaluation"
        print(entries({"seconds": seconds}))


def _parser() -> VerbParser:
    parser = VerbParser(
        "evaluate",
        "Evaluate a checkpoint: print what the module logs on the split. For a classification of "
        "images, also accuracy with its interval, precision, recall and F1 of each class, "
        "confusion, calibration with a temperature fitted on the validation images and the most "
        "confident mistakes; pictures are written to files and the run's TensorBoard, the "
        "prediction for each image to predictions.npz. For a regression, also intervals and "
        "pictures of its errors; for a segmentation, the IoU of each class and the worst images; "
        "for a text, surprising passages and samples.",
    )
    parser.add_trained()
    parser.add_argument("--split", choices=("test", "val", "train"), default="test")
    parser.add_argument(
        "--out", type=Path, help="folder of the files (default: evaluation/ of the run, or here)"
    )
    parser.add_argument(
        "--projector",
        action="store_true",
        help="show the input of the last layer in TensorBoard's projector",
    )
    return parser


def _classifier(trained: "Trained", split: str, projector: bool) -> "TrainedClassifier | None":
    """See what kind of task it is, and whether it can be evaluated; None if it does so itself."""
    from src.engine.console.note import note
    from src.evaluation.classification.trained_classifier import KIND, TrainedClassifier, lacking
    from src.evaluation.logged import refuse_unevaluated

    lack = lacking(trained)
    if not lack:
        classifier = TrainedClassifier.of(trained, "evaluate")
        classifier.images(split)  # read and verified
        return classifier
    name = type(trained.task).__name__
    if projector:
        raise ValueError(f"--projector works for {KIND} of images only: this is {name}, {lack}")
    refuse_unevaluated(trained.task, trained.data, split)
    if trained.kind == KIND:
        note(f"only what {name} logs is shown: it is a task {lack}")
    return None


def _ask(trained: "Trained", split: str, out: Path) -> str:
    """Let a module evaluate itself; write down what it logs and what the wing of its kind adds."""
    from src.engine.console.failure import interrupts
    from src.engine.console.quiet import quiet
    from src.engine.console.shown import shown
    from src.engine.files.atomic_write import write_atomic
    from src.engine.files.reading import file_digest
    from src.engine.records.ledger import add_look
    from src.evaluation.logged import measure, table
    from src.evaluation.wing import Split, add

    task = trained.task
    with quiet(), interrupts():
        metrics, outputs = measure(task, trained.data, split, trained.config.content)
    step, digest = int(trained.checkpoint["global_step"]), file_digest(trained.path)
    if split == "test" and metrics:
        look = {"by": "src.evaluate", "network": digest, "metrics": metrics}
        add_look(_root(trained), trained.described | look)
    added = add(trained.kind, Split(split, outputs, task, trained.data))
    about = {"split": split, "step": step, "sha256": digest, "module": type(task).__name__}
    files = _files(about | {"metrics": metrics}, added, outputs)
    for name, content in files.items():
        write_atomic(out / name, content)
    if trained.log_dir and added.pictures:
        from src.evaluation.tensorboard import events

        with events(trained.log_dir, split, step, added.pictures):
            pass
    first = entries({"checkpoint": f"{shown(trained.path)}, step {step:,}"})
    last = entries({"files": f"{shown(out)}/{', '.join(files)}"})
    told = [table(task, split, metrics), *([entries(added.rows)] if added.rows else [])]
    return "\n".join([first, *told, last])


def _files(
    summary: dict[str, Any], added: "Addition", outputs: "dict[str, Tensor]"
) -> dict[str, bytes]:
    """Make the files of an evaluation; the summary, which names the others, is the last one."""
    from src.engine.files.arrays import packed_arrays
    from src.engine.files.atomic_write import json_text
    from src.evaluation.picture import png

    files = {f"{name}.png": png(picture) for name, picture in added.pictures.items()}
    if any(added):
        files["predictions.npz"] = packed_arrays(outputs)
        more = {"rows": added.rows, "measured": added.values, "pictures": [*added.pictures]}
        summary = summary | more
    return files | {"summary.json": f"{json_text(summary)}\n".encode()}


def _root(trained: "Trained") -> Path:  # whose ledger counts the looks
    return trained.run.root if trained.log_dir and trained.run else Path()


def _evaluate(trained: "TrainedClassifier", split: str, out: Path) -> str:
    from src.engine.console.shown import shown
    from src.engine.files.atomic_write import write_atomic
    from src.engine.files.reading import file_digest
    from src.engine.records.ledger import add_look
    from src.evaluation.classification.evaluation import Evaluation, table
    from src.evaluation.classification.tensorboard import write_tensorboard

    answers = _answers(trained, split)
    step = int(trained.checkpoint["global_step"])
    digest = file_digest(trained.path)
    evaluation = Evaluation(
        answers,
        trained.images(split).image,
        trained.class_names(answers.logits.shape[1]),
        {"split": split, "step": step, "sha256": digest},
        getattr(trained.data, "disputed_test_indices", ()) if split == "test" else (),
        trained.file_names(split),
    )
    if split == "test":
        add_look(
            _root(trained),
            trained.described | {"by": "src.evaluate", "network": digest, **_seen(evaluation)},
        )
    pictures = evaluation.pictures()
    files = evaluation.files(pictures)
    for name, content in files.items():
        write_atomic(out / name, content)
    if trained.log_dir:
        write_tensorboard(trained.log_dir, split, step, pictures, answers, evaluation.names)
    first = entries({"checkpoint": f"{shown(trained.path)}, step {step:,}"})
    last = entries({"files": f"{shown(out)}/{', '.join(files)}"})
    return f"{first}\n{table(evaluation.summary)}\n{last}"


def _seen(evaluation: "Evaluation") -> dict[str, Any]:
    accuracy = evaluation.summary["accuracy"]
    return {"metrics": {"test/acc": accuracy["share"]}, "samples": accuracy["images"]}


def _answers(trained: "TrainedClassifier", split: str) -> "Predictions":
    import torch

    from src.callbacks.temperature import fit_temperature
    from src.evaluation.classification.predictions import predict

    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    network = trained.network.to(device)
    temperature = trained.temperature
    if temperature is None:
        logits, label, _ = predict(network, trained.batches("val", device))
        temperature = fit_temperature(logits, label)
    answers = predict(network, trained.batches(split, device))
    return answers._replace(temperature=temperature)


def _show_projector(trained: "TrainedClassifier", split: str) -> str:
    import torch

    from src.engine.console.shown import python, shown
    from src.evaluation.classification.tensorboard import last_hidden, write_projector

    folder = trained.run.log_dir if trained.run else Path("projector")
    device = torch.device("cpu")
    batch = next(trained.batches(split, device))
    features = last_hidden(trained.network.to(device), batch)
    image = trained.images(split).image[: len(features)]
    write_projector(
        folder,
        int(trained.checkpoint["global_step"]),
        features,
        batch.label,
        image,
        trained.published("class_names"),
    )
    logs = shown(folder.parent if trained.run else folder)
    command = f"{python()} -m tensorboard.main --logdir {logs}"
    return entries({"projector": f"{command}, page Projector"})


if __name__ == "__main__":
    main()
