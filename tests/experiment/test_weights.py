from pathlib import Path

import pytest
import torch

from src.experiment.weights import load_weights, refuse_unsafe
from src.models import CNN
from src.tasks import ClassificationTask
from tests.conftest import Train
from tests.test_train import refusal
from tests.tiny_mnist import TinyMNIST


@pytest.mark.parametrize("name", ["model.pt", "best.ckpt"])
def test_new_run_begins_with_the_weights_of_another(train: Train, name: str) -> None:
    train("--trainer.max_epochs=1")
    file = f"checkpoints/version_0/{name}"
    train("--trainer.max_epochs=1", f"--weights={file}", "--model.optimizer.lr=0")
    before = torch.load("checkpoints/version_0/model.pt", weights_only=True)
    after = torch.load("checkpoints/version_1/model.pt", weights_only=True)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_weights_of_another_network_are_refused(train: Train, capsys) -> None:
    torch.save(CNN(width=8).state_dict(), "narrow.pt")
    code, line = refusal(capsys, "--weights=narrow.pt", "--data=tests.tiny_mnist.TinyMNIST")
    assert code == 2
    assert "narrow.pt are of another network: network.conv1.weight is (8, 1, 3, 3) there" in line


@pytest.mark.parametrize("content", [[1], {"state_dict": 3}, {"a": 1}])
def test_file_without_weights_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"x\.pt holds no weights"):
        load_weights(ClassificationTask(CNN()), str(tmp_path / "x.pt"))


def test_hyper_parameter_that_is_no_plain_value_is_refused(tmp_path: Path) -> None:
    data = TinyMNIST(str(tmp_path))
    data.save_hyperparameters({"folder": tmp_path})
    with pytest.raises(ValueError, match="hyper-parameter folder of TinyMNIST is a PosixPath"):
        refuse_unsafe(ClassificationTask(CNN()), data)


def test_every_word_for_a_file_executes_nothing(train: Train, capsys, monkeypatch) -> None:
    from tests.experiment.test_checkpoint_file import Evil

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"config": Evil(Path("executed")), "state_dict": {}}, "evil.ckpt")
    for flag in ("--ckpt_path=evil.ckpt", "--weights=evil.ckpt"):
        code, line = refusal(capsys, flag, "--data=tests.tiny_mnist.TinyMNIST")
        assert code == 2
        assert "holds more than tensors and plain values" in line
    assert not Path("executed").exists()
