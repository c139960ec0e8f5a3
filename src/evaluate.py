"""Say where a trained network is right and wrong: `python -m src.evaluate --help`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.experiment.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.experiment.verb_parser import VerbParser

if TYPE_CHECKING:
    from src.evaluation.evaluation import Evaluation
    from src.evaluation.predictions import Predictions
    from src.experiment.trained import Trained


def main(args: list[str] | None = None) -> None:
    """Evaluate a checkpoint on a split: numbers to the terminal, all of it to files.

    Args:
        args: Words of the command; None takes those of the process.
    """
    started = time.perf_counter()
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.experiment.links import refuse_links
        from src.experiment.run_files import evaluation_dir
        from src.experiment.trained import Trained

        trained = Trained.load(given.ckpt, given.data_dir, given.trust)
        if trained.run:
            refuse_links(trained.run.log_dir)
        trained.images(given.split)
        root = trained.log_dir or Path()
        out = given.out or evaluation_dir(root, trained.path, given.split)
    with one_line_failures(RUN_ERROR, given.debug):
        ready = time.perf_counter()
        print(_evaluate(trained, given.split, out))
        if given.projector:
            print(_show_projector(trained, given.split))
        done = time.perf_counter()
        print(f"{'seconds':<13}  {ready - started:.1f} startup, {done - ready:.1f} evaluation")


def _parser() -> VerbParser:
    parser = VerbParser(
        "evaluate",
        "Evaluate a checkpoint: accuracy with its interval, precision, recall and F1 of each "
        "class, confusion, calibration with a temperature fitted on the validation images, the "
        "most confident mistakes. Pictures go to files and to the run's TensorBoard, what was said "
        "of each image to predictions.npz.",
    )
    parser.add_trained()
    parser.add_argument("--split", choices=("test", "val", "train"), default="test")
    parser.add_argument(
        "--out", type=Path, help="folder of the files; else evaluation/ in the run's or in this one"
    )
    parser.add_argument(
        "--projector",
        action="store_true",
        help="show what the last layer gets in TensorBoard's projector",
    )
    return parser


def _evaluate(trained: "Trained", split: str, out: Path) -> str:
    from src.evaluation.board import write_board
    from src.evaluation.evaluation import Evaluation, table
    from src.experiment.looks import add_look
    from src.experiment.result import wilson_interval
    from src.experiment.run import shown
    from src.experiment.run_files import file_digest
    from src.experiment.whole_file import write_whole

    answers = _answers(trained, split)
    step = int(trained.checkpoint["global_step"])
    digest = file_digest(trained.path)
    evaluation = Evaluation(
        answers,
        trained.images(split).image,
        trained.class_names(answers.logits.shape[1]),
        wilson_interval,
        {"split": split, "step": step, "sha256": digest},
        getattr(trained.data, "disputed_test_indices", ()) if split == "test" else (),
    )
    if split == "test":
        add_look(
            trained.run.root if trained.log_dir and trained.run else Path(),
            trained.described | {"by": "src.evaluate", "network": digest, **_seen(evaluation)},
        )
    pictures = evaluation.pictures()
    files = evaluation.files(pictures)
    for name, content in files.items():
        write_whole(out / name, content)
    if trained.log_dir:
        write_board(trained.log_dir, split, step, pictures, answers, evaluation.names)
    lines = {"checkpoint": f"{shown(trained.path)}, step {step:,}"}
    lines |= {"files": f"{shown(out)}/{', '.join(files)}"}
    first, last = (f"{name:<13}  {text}" for name, text in lines.items())
    return f"{first}\n{table(evaluation.summary)}\n{last}"


def _seen(evaluation: "Evaluation") -> dict[str, Any]:
    accuracy = evaluation.summary["accuracy"]
    return {"accuracy": accuracy["share"], "images": accuracy["images"]}


def _answers(trained: "Trained", split: str) -> "Predictions":
    import torch

    from src.callbacks.temperature import fit_temperature
    from src.evaluation.predictions import predict

    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    network = trained.network.to(device)
    temperature = trained.temperature
    if temperature is None:
        logits, label, _ = predict(network, trained.batches("val", device))
        temperature = fit_temperature(logits, label)
    answers = predict(network, trained.batches(split, device))
    return answers._replace(temperature=temperature)


def _show_projector(trained: "Trained", split: str) -> str:
    import torch

    from src.evaluation.board import last_hidden, write_projector
    from src.experiment.run import python, shown

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
    return f"{'projector':<13}  {python()} -m tensorboard.main --logdir {logs}, page Projector"


if __name__ == "__main__":
    main()
