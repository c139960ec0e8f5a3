import re
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.digest import digest
from src.engine.checkpoints.weights import _with_channels, load_weights, refuse_other_weights
from src.models import CNN
from src.tasks import ClassificationTask
from tests.conftest import Train
from tests.one_layer import OneLayer
from tests.test_train import refusal
from tests.tiny_mnist import TinyMNIST


@pytest.mark.parametrize("name", ["model.pt", "best.ckpt"])
def test_new_run_begins_with_the_weights_of_another(
    train: Train, finished: Train, name: str
) -> None:
    finished("--trainer.max_epochs=1")
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


@pytest.mark.parametrize("content", [[1], {"state_dict": 3}, {"a": 1}, {}])
def test_file_without_weights_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"x\.pt holds no weights"):
        load_weights(ClassificationTask(CNN()), str(tmp_path / "x.pt"))


def test_hyper_parameter_that_is_an_object_is_in_no_checkpoint(
    train: Train, capsys, monkeypatch
) -> None:
    def keep(self, *args, **kwargs) -> None:
        init(self, *args, **kwargs)
        self.save_hyperparameters({"folder": Path("x"), "size": 3})

    init = TinyMNIST.__init__
    monkeypatch.setattr(TinyMNIST, "__init__", keep)
    train("--trainer.max_epochs=1")
    said = "note: hyper-parameters of TinyMNIST that are objects are in no checkpoint: folder\n"
    assert said in capsys.readouterr().err
    content = read_checkpoint("checkpoints/version_0/last.ckpt")
    assert content["datamodule_hyper_parameters"] == {"size": 3}


def test_state_that_is_no_plain_value_is_refused_before_the_first_step(
    train: Train, capsys
) -> None:
    class Rate(Callback):
        def state_dict(self) -> dict:
            return {"rate": Path("x")}

    from src.engine.records.save_config import SaveConfig

    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=Rate())
    trainer.strategy.connect(ClassificationTask(CNN()))
    with pytest.raises(ValueError, match=r"callbacks.*rate in the checkpoint is a PosixPath"):
        SaveConfig("seed_everything: 0", Path("records")).on_train_start(
            trainer, trainer.lightning_module
        )


def test_folder_of_weights_is_one_line(train: Train, capsys) -> None:
    code, line = refusal(capsys, "--weights=data", "--data=tests.tiny_mnist.TinyMNIST")
    assert (code, line) == (2, "error: --weights data is a folder: give a .ckpt or model.pt in it")


def test_every_word_for_a_file_executes_nothing(train: Train, capsys, monkeypatch) -> None:
    from tests.engine.checkpoints.test_checkpoint_file import Evil

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"config": Evil(Path("executed")), "state_dict": {}}, "evil.ckpt")
    for flag in ("--ckpt_path=evil.ckpt", "--weights=evil.ckpt"):
        code, line = refusal(capsys, flag, "--data=tests.tiny_mnist.TinyMNIST")
        assert code == 2
        assert "holds more than tensors and plain values" in line
    assert not Path("executed").exists()


def test_weights_are_identified_by_file_and_digest(tmp_path: Path) -> None:
    networks = (OneLayer((1, 28, 28), 10) for _ in range(2))
    task, network = ClassificationTask(next(networks)), next(networks)
    for content in (network.state_dict(), {"state_dict": ClassificationTask(network).state_dict()}):
        torch.save(content, tmp_path / "w.pt")
        known = load_weights(task, str(tmp_path / "w.pt"))
        named = {f"network.{name}": value for name, value in network.state_dict().items()}
        assert known == f"w.pt {digest(named)[:16]}"
        assert torch.equal(task.network.layer.weight, network.layer.weight)


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        ({"a": 1, "b": 2}, ""),
        ({"a": 1}, "b is missing there"),
        ({"a": 1, "b": 2, "c": 3}, "c is not known here"),
        ({"a": 2, "b": 2}, "a is (2,) there and (1,) here"),
        (
            {"x": 1, "y": 1},
            "a is missing there, b is missing there, x is not known here, and 1 more",
        ),
        (
            {"a": 3, "c": 1},
            "b is missing there, c is not known here, a is (3,) there and (1,) here",
        ),
    ],
)
def test_first_differences_of_two_networks_are_told(there: dict[str, int], problem: str) -> None:
    model = LightningModule()
    model.a, model.b = (nn.Parameter(torch.ones(size)) for size in (1, 2))
    saved = {name: torch.ones(size) for name, size in there.items()}
    if not problem:
        refuse_other_weights(model, saved)
        return
    said = f"the network has changed since the checkpoint was saved: {problem}"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        refuse_other_weights(model, saved)


class Late(LightningModule):
    """A module whose layer is made when training begins."""

    def configure_model(self) -> None:
        self.layer = nn.Linear(1, 1)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters())


def test_layers_that_are_made_later_are_not_judged() -> None:
    refuse_other_weights(Late(), {"layer.weight": torch.ones(1, 1)})


def test_weights_that_a_module_does_not_save_are_not_missed() -> None:
    model = Late()
    model.configure_model()
    with pytest.raises(ValueError, match=r"layer\.bias is missing there"):
        refuse_other_weights(model, {"layer.weight": torch.ones(1, 1)})
    model.strict_loading = False
    refuse_other_weights(model, {"layer.weight": torch.ones(1, 1)})


class Small(nn.Module):
    """A convolution, a layer that counts, and a head."""

    def __init__(self, channels: int = 1, classes: int = 3, depth: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 4, 3)
        self.blocks = nn.Sequential(*(nn.Linear(4, 4) for _ in range(depth)))
        self.norm = nn.BatchNorm1d(4)
        self.head = nn.Linear(4, classes)


def load(task: nn.Module, content: object, name: str = "w.pth") -> str:
    torch.save(content, name)
    return load_weights(task, name)


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> ClassificationTask:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(1)
    return ClassificationTask(Small())


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "model."])
@pytest.mark.parametrize("key", [None, "state_dict", "model", "ema", "net"])
def test_names_of_other_programs_are_understood(
    here: ClassificationTask, capsys, prefix: str, key: str | None
) -> None:
    other = Small()
    named = {f"{prefix}{name}": value for name, value in other.state_dict().items()}
    load(here, {key: named, "epoch": 3} if key else named)
    torch.testing.assert_close(here.network.state_dict(), other.state_dict(), rtol=0, atol=0)
    assert capsys.readouterr().err == "note: 11 of 11 tensors begin as in w.pth\n"


def test_averaged_weights_come_before_others(here: ClassificationTask, capsys) -> None:
    average = Small().state_dict()
    load(here, {"state_dict": Small().state_dict(), "state_dict_ema": average})
    torch.testing.assert_close(here.network.state_dict(), average, rtol=0, atol=0)
    assert "note: of what is in w.pth, state_dict_ema is loaded\n" in capsys.readouterr().err


def test_one_of_several_networks_is_not_guessed(here: ClassificationTask) -> None:
    part = Small().state_dict()
    with pytest.raises(ValueError, match=r"w\.pth holds several networks: student, teacher$"):
        load(here, {"student": part, "teacher": part})


def test_head_of_another_size_begins_anew_and_is_told(here: ClassificationTask, capsys) -> None:
    other, head = Small(classes=1000), here.network.head.weight.clone()
    load(here, other.state_dict())
    assert torch.equal(here.network.stem.weight, other.stem.weight)
    assert torch.equal(here.network.head.weight, head)
    assert capsys.readouterr().err.splitlines() == [
        "note: 9 of 11 tensors begin as in w.pth",
        "note: left out: of another size there: network.head.weight, network.head.bias",
    ]


def test_file_without_a_head_is_told(here: ClassificationTask, capsys) -> None:
    content = {name: v for name, v in Small().state_dict().items() if "head" not in name}
    load(here, content | {"teacher.weight": torch.ones(1)})
    left = (
        "missing there: network.head.weight, network.head.bias; "
        "unknown here: network.teacher.weight"
    )
    assert f"note: left out: {left}\n" in capsys.readouterr().err


@pytest.mark.parametrize(("there", "own"), [(3, 1), (1, 3)])
def test_colours_are_summed_into_one_channel_or_spread(
    here: ClassificationTask, capsys, there: int, own: int
) -> None:
    task, other = ClassificationTask(Small(own)), Small(there)
    load(task, other.state_dict())
    grey = torch.rand(1, 1, 5, 5)
    made = (
        task.network.stem(grey.expand(-1, own, -1, -1)),
        other.stem(grey.expand(-1, there, -1, -1)),
    )
    torch.testing.assert_close(*made)
    assert "11 of 11 tensors begin as in w.pth, network.stem.weight with" in capsys.readouterr().err


@pytest.mark.parametrize("other", [Small(depth=2), Small(4), CNN(), OneLayer((1, 2, 2), 3)])
def test_weights_of_another_architecture_change_nothing(
    here: ClassificationTask, other: nn.Module
) -> None:
    before = {name: value.clone() for name, value in here.state_dict().items()}
    with pytest.raises(ValueError, match=r"--weights w\.pth are of another network: "):
        load(here, other.state_dict())
    torch.testing.assert_close(here.state_dict(), before, rtol=0, atol=0)


def test_safetensors_are_read(here: ClassificationTask) -> None:
    from safetensors.torch import save_file

    other = Small()
    save_file(other.state_dict(), "w.safetensors")
    load_weights(here, "w.safetensors")
    torch.testing.assert_close(here.network.state_dict(), other.state_dict(), rtol=0, atol=0)
    Path("w.safetensors").write_bytes(Path("w.safetensors").read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"w\.safetensors is no complete file of safetensors"):
        load_weights(here, "w.safetensors")
    with pytest.raises(FileNotFoundError, match=r"there is no file x\.safetensors"):
        load_weights(here, "x.safetensors")


def test_deeper_network_with_the_same_names_is_refused(here: ClassificationTask) -> None:
    deep = ClassificationTask(Small(depth=4))
    with pytest.raises(ValueError, match=r"network\.blocks\.1\.weight is missing there"):
        load(deep, Small().state_dict())


def test_tensors_of_other_dimensions_are_of_another_network() -> None:
    assert _with_channels(torch.zeros(4, 3, 3, 3), torch.zeros(4)) is None
    assert _with_channels(torch.zeros(4), torch.zeros(4, 3, 3, 3)) is None
