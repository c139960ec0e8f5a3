"""Draw, and see what a trained network makes of it: `python -m src.demo --help`."""

import argparse
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from src.deployment.demo_server import DemoServer

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LAST_PORT = 65535


def main(args: list[str] | None = None) -> None:
    """Serve the page until Ctrl-C.

    Args:
        args: Words of the command; None takes those of the process.
    """
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.engine.console.note import note

        server = _server(given)
        if given.host not in LOOPBACK:
            note(f"anyone who can reach {given.host} can use the page; 127.0.0.1 is private")
    with one_line_failures(RUN_ERROR, given.debug), server, suppress(KeyboardInterrupt):
        print(f"demo  {server.url}  (Ctrl-C ends it)", flush=True)
        server.serve_forever()


def _parser() -> VerbParser:
    parser = VerbParser(
        "demo",
        "Serve a page on this computer: draw, and see the probability of each class change with "
        "each stroke.",
    )
    parser.add_trained()
    parser.add_argument("--port", type=_port, default=8000, help="port; 0: any free one")
    parser.add_argument("--host", default=LOOPBACK[0], help="address to listen on")
    return parser


def _port(word: str) -> int:
    if not word.isdecimal() or int(word) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"must be 0 to {_LAST_PORT}, got {word}")
    return int(word)


def _server(given: argparse.Namespace) -> "DemoServer":
    from src.deployment.classifier import Classifier
    from src.deployment.demo_page import demo_page
    from src.deployment.demo_server import DemoServer
    from src.deployment.numbers import alone
    from src.deployment.recogniser import Recogniser
    from src.engine.checkpoints.trained import Trained
    from src.evaluation.classification.trained_classifier import TrainedClassifier

    loaded = Trained.load(given.ckpt, given.data_dir, given.trust)
    trained = TrainedClassifier.of(loaded, "demo")
    from_picture = trained.published("from_picture")
    names = trained.published("class_names")
    classifier = Classifier(**trained.classifier_parts()).eval()
    calibrated = "calibrated" if trained.temperature else "not calibrated"
    count = sum(parameter.numel() for parameter in trained.network.parameters())
    where = "/".join(trained.path.resolve().parts[-2:])  # the page may be shown to others
    about = (
        f"{type(trained.network).__name__} with {count:,} parameters, {where}, "
        f"step {trained.checkpoint['global_step']:,}; probabilities are {calibrated}"
    )
    title = type(trained.data).__name__.removesuffix("DataModule")
    page = demo_page(title, about, names, getattr(trained.data, "handwritten", True))
    angles = getattr(trained.data, "angles", ())
    one_from_picture = getattr(trained.data, "one_from_picture", None)
    reader = alone(classifier, from_picture, one_from_picture, angles)
    recognise = Recogniser(classifier, reader, names, angles)
    return DemoServer(given.host, given.port, page, recognise)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Python's own end may abort in a thread that still waits for a page
