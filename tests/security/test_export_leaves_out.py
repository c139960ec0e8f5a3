"""Exported files hold the network alone: nothing of the run, the code or this machine."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from src.deployment.classifier import Classifier
from src.deployment.deployed import deployed_classifier
from src.deployment.formats import FORMATS, Exporter
from src.engine.records import provenance
from src.export import main
from tests.conftest import Train

SOURCE_LINE, DIFF, COMMAND = "marker_in_source", "marker_in_diff", "marker_in_command"
ROOT = Path(__file__).parents[2]
OF_THE_RUN = (DIFF, COMMAND, "provenance", "seed_everything", "batch_size", "label_smoothing")
OF_THE_MACHINE = (SOURCE_LINE, str(ROOT), str(Path.home()), sys.prefix, os.sep + "tmp", 'File "')


class Branching(nn.Module):
    """Its branches are graphs of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 3)

    def forward(self, image: Tensor) -> Tensor:
        marker_in_source = self.layer(image.flatten(1))
        many = image.shape[0] > 3
        return torch.cond(many, lambda x: x.sin() * 2, lambda x: x.sin() * 2, (marker_in_source,))


def found_in(content: bytes, words: tuple[str, ...]) -> set[str]:
    """Name the words that a file holds, also in what it has packed."""
    parts = [content]
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts += [packed.read(name) for name in packed.namelist()]
    spellings = {(word, each) for word in words for each in (word, word.replace('"', '\\"'))}
    return {word for word, each in spellings if any(each.encode() in part for part in parts)}


@pytest.mark.parametrize("name", FORMATS)
def test_file_holds_nothing_of_the_machine(name: str) -> None:
    classifier = Classifier(Branching().eval(), 0.0, 1.0, 1.5).eval()
    image = torch.rand(8, 1, 4, 4)
    exporter = Exporter(deployed_classifier(classifier, image, ["a", "b", "c"], True))
    content, difference = getattr(exporter, name)()
    assert found_in(content, OF_THE_MACHINE) == set()
    assert difference < 1e-5


def test_files_hold_nothing_of_the_run(train: Train, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "code"
    for words in (["init", "-q", folder], ["-C", folder, "commit", "-q", "--allow-empty", "-mx"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], check=True)
    (folder / "a.py").write_text(DIFF)
    subprocess.run(["git", "-C", folder, "add", "a.py"], check=True)
    monkeypatch.setattr(provenance, "SOURCE", folder)
    monkeypatch.setattr(sys, "orig_argv", ["python", COMMAND])
    train("--trainer.max_epochs=1")
    checkpoint = Path("checkpoints/version_0/best.ckpt").read_bytes()
    assert found_in(checkpoint, OF_THE_RUN) == set(OF_THE_RUN)
    main(["last"])
    files = [
        *Path("checkpoints/version_0/export").iterdir(),
        Path("checkpoints/version_0/model.pt"),
    ]
    assert len(files) == len(FORMATS) + 1
    for file in files:
        assert found_in(file.read_bytes(), OF_THE_RUN + OF_THE_MACHINE) == set(), file
