from pathlib import Path
from typing import Any

import pytest
import yaml

from src.experiment.trusted import read_trusted

EVIL = [
    "subprocess.getoutput",
    "os._exit",
    "builtins.eval",
    "pathlib.Path.touch",
    "torch.fx.symbolic_trace",
    "torch.hub.load",
    "lightning.pytorch.cli.LightningCLI",
]


def read(network: Any, *words: str) -> dict[str, Any]:
    return read_trusted(yaml.safe_dump({"model": {"network": network}}), list(words))


@pytest.mark.parametrize(
    "name",
    [
        "src.models.CNN",
        "tests.noisy_network.NoisyNetwork",
        "tests.tiny_mnist.TinyMNIST",
        "torch.optim.Adam",
        "torch.optim.lr_scheduler.ReduceLROnPlateau",
        "torchvision.models.resnet18",
        "lightning.pytorch.callbacks.EMAWeightAveraging",
        "lightning.pytorch.strategies.DDPStrategy",
    ],
)
def test_parts_of_a_training_are_trusted(name: str) -> None:
    assert read({"class_path": name})["model"]["network"]["class_path"] == name


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("key", ["class_path", "lr_lambda"])
def test_other_code_is_not_called(name: str, key: str) -> None:
    with pytest.raises(ValueError, match=f"names {name}, which is no part .* was not called"):
        read({"deep": [{key: name}]})


def test_other_code_hides_in_no_text(tmp_path: Path) -> None:
    hidden = '{"class_path": "subprocess.getoutput"}'
    (tmp_path / "evil").write_text(hidden)
    for text in (hidden, str(tmp_path / "evil")):
        with pytest.raises(ValueError, match="is no part of a training"):
            read(text)


def test_name_that_leads_nowhere_is_no_class() -> None:
    with pytest.raises(ValueError, match=r"names nowhere\.Net"):
        read({"class_path": "nowhere.Net"})


def test_what_the_command_names_is_trusted() -> None:
    read({"lr_lambda": "math.exp"}, "--model.scheduler.lr_lambda=math.exp")


def test_names_of_files_and_metrics_are_no_code() -> None:
    read({"folder": "runs.v1", "monitor": "val/acc", "text": "a. b", "mode": "max"})


@pytest.mark.parametrize("config", ["/etc/passwd", 3, None, "[1]", "a: [", "{config: x.yaml}"])
def test_what_is_no_configuration_is_refused(config: Any) -> None:
    with pytest.raises(ValueError, match="holds no configuration"):
        read_trusted(config, [])
