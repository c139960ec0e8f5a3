from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jsonargparse import Namespace
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from src.engine.checkpoints.consent import is_own, remember
from src.engine.checkpoints.trusted import Trusted, settle
from src.engine.console.parser import OneLineParser
from src.engine.files.run import Run
from tests.engine.checkpoints.test_consent import entries
from tests.hostile import place

MODEL = {
    "class_path": "src.tasks.ClassificationTask",
    "init_args": {"network": {"class_path": "torch.nn.Linear", "init_args": {}}},
}
NETWORK = "model/init_args/network"
EVIL = [
    "subprocess.getoutput",
    "os._exit",
    "builtins.eval",
    "pathlib.Path.touch",
    "torch.fx.symbolic_trace",
    "torch.hub.load",
    "lightning.pytorch.cli.LightningCLI",
]


class Layer(nn.Module):
    def __init__(self, name: str = "x", size: float = 1.0, inner: nn.Module | None = None) -> None:
        super().__init__()


class Task(LightningModule):
    def __init__(self, network: nn.Module, note: str | dict[str, Any] = "") -> None:
        super().__init__()


def read(content: Any, *words: str) -> Trusted:
    return Trusted.read(yaml.safe_dump(content), words)


def parse(trusted: Trusted, *words: str) -> Namespace:
    parser = OneLineParser(exit_on_error=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    return trusted.parse(parser, words)


def test_names_on_the_list_are_read() -> None:
    trusted = read({"model": MODEL})
    assert trusted.content == {"model": MODEL}
    assert yaml.safe_load(trusted.text) == trusted.content
    assert not trusted.own


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("words", [(), ("--group", "run", f"--weights={EVIL[0]}x")])
def test_other_names_are_refused(name: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"names {name}, which is not on the list"):
        read(place({"model": MODEL}, NETWORK, {"class_path": name}), *words)


def test_what_the_command_names_is_trusted() -> None:
    read({"model": {"class_path": "math.exp"}}, "--model.scheduler.lr_lambda=math.exp")
    read({"model": {"class_path": "math.exp"}}, "--model.scheduler.lr_lambda", "math.exp")


WORDS = (
    *("--model.scheduler.lr_lambda=math.exp", "--trainer.logger", "CSVLogger", "--group", "run"),
    '--model.network={"class_path": "my_lab.Net"}',
)


@pytest.mark.parametrize(
    ("name", "named"),
    [("math.exp", True), ("CSVLogger", True), ("math", False), ("my_lab.Net", False)],
)
def test_name_must_be_the_whole_value_of_an_option(name: str, named: bool) -> None:
    assert Trusted({}, words=WORDS)._is_named(name) is named
    assert not Trusted({})._is_named(name)


def test_short_names_mean_loaded_classes() -> None:
    from lightning.pytorch.loggers import CSVLogger  # noqa: F401

    names = Trusted({}, words=WORDS)._names_of_command()
    assert {"lightning.pytorch.loggers.CSVLogger", "math.exp", "my_lab.Net"} <= names
    assert not {name for name in names if name.startswith("subprocess")}
    names = Trusted({}, words=["--x=my_lab.2d.Net", "--y=1.5", "--z"])._names_of_command()
    assert all(part.isidentifier() for name in names for part in name.split("."))


@pytest.mark.parametrize(
    ("own", "words", "limited"),
    [
        (False, WORDS, True),
        (False, (*WORDS, "--data.init_args.data_dir=x"), False),
        (False, (*WORDS, "--data.root", "x"), False),
        (False, (*WORDS, "--data.file=x"), False),
        (True, WORDS, False),
    ],
)
def test_folder_of_data_is_only_read_unless_the_user_names_it(own, words, limited: bool) -> None:
    looked: list[bool] = []
    data = SimpleNamespace(download=True, prepare_data=lambda: looked.append(data.download))
    Trusted({}, own, words).limit(data)
    assert (data.download, looked) == ((False, [False]) if limited else (True, []))
    other = SimpleNamespace()
    Trusted({}).limit(other)
    Trusted({}).limit(None)
    assert not vars(other)


def test_own_configuration_may_name_anything() -> None:
    content = {"model": {"class_path": "my_lab.anything"}, "trainer": {"default_root_dir": "x"}}
    remember([], yaml.safe_dump(content))
    trusted = read(content)
    assert trusted.own
    assert trusted.content == content


@pytest.mark.parametrize("config", ["/etc/passwd", 3, None, "[1]", "a: [", "{config: x.yaml}"])
def test_what_is_no_configuration_is_refused(config: Any) -> None:
    with pytest.raises(ValueError, match="holds no configuration"):
        Trusted.read(config)


@pytest.mark.parametrize("value", ["x", 3, ["x"]])
def test_group_must_be_a_group(value: Any) -> None:
    with pytest.raises(ValueError, match="configuration of the checkpoint model is"):
        read({"model": value})
    with pytest.raises(ValueError, match=r"configuration of the checkpoint model\.init_args is"):
        read({"model": {"class_path": "torch.nn.Linear", "init_args": value}})


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put the classes of this file on the list."""
    known = {f"{each.__module__}.{each.__qualname__}": each for each in (Task, Layer)}
    for name in ("torch.nn.Softmin", f"{nn.Softmin.__module__}.Softmin"):
        known[name] = nn.Softmin
    monkeypatch.setattr("src.engine.checkpoints.trusted.find_allowed", known.get)
    monkeypatch.setattr("src.engine.checkpoints.trusted.allowed_names", lambda names: set(known))
    task, layer = list(known)[:2]
    network = {"class_path": layer, "init_args": {"name": "1e-3", "size": 2.0}}
    return {"model": {"class_path": task, "init_args": {"network": network}}}


def test_texts_stay_texts(layers: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.yaml").write_text("{a: 1}")
    for text in ("{a: 1}", "file.yaml", "null", "torch.nn.Softmin"):
        layers["model"]["init_args"]["note"] = text
        parsed = parse(read(layers)).model.init_args
        assert parsed.note == text
        assert type(parsed.note) is str
        assert type(parsed.network.class_path) is str
        assert parsed.network.init_args.name == "1e-3"


def test_structure_of_the_same_setting_is_taken(layers: dict[str, Any]) -> None:
    layers["model"]["init_args"]["note"] = {"a": [1]}
    assert parse(read(layers)).model.init_args.note == {"a": [1]}


@pytest.mark.parametrize("text", ["torch.nn.Softmin", "Softmin"])
def test_text_does_not_become_a_class(layers: dict[str, Any], text: str) -> None:
    layers["model"]["init_args"]["network"]["init_args"]["inner"] = text
    with pytest.raises(ValueError, match=rf"inner in the checkpoint is a text, '{text}'"):
        parse(read(layers))


@pytest.mark.parametrize("text", ["{class_path: a}", "file.yaml", "[torch.nn.Softmin]"])
def test_text_in_the_place_of_a_class_is_refused(
    layers: dict[str, Any], text: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.yaml").write_text("class_path: torch.nn.Softmin")
    layers["model"]["init_args"]["network"]["init_args"]["inner"] = text
    with pytest.raises(Exception, match=r"is a text|list|import path|Importing|name of a class"):
        parse(read(layers))


def test_command_may_change_settings(layers: dict[str, Any]) -> None:
    words = ["--model.network.inner=Softmin", "--model.network.size=3"]
    parsed = parse(read(layers, *words), *words).model.init_args.network.init_args
    assert (parsed.inner.class_path, parsed.size) == ("torch.nn.Softmin", 3.0)


@pytest.mark.parametrize("name", [["math.exp"], 3, {"a": 1}])
def test_class_must_be_named(name: Any) -> None:
    with pytest.raises(ValueError, match=r"network\.class_path is"):
        read(place({"model": MODEL}, NETWORK, {"class_path": name}))


def test_own_text_is_in_the_order_of_its_checkpoint() -> None:
    assert Trusted({"b": 1, "a": {"d": 2, "c": 3}}).text == "b: 1\na:\n  d: 2\n  c: 3\n"


def settled(trusted: Trusted | None, *names: str, first: bool = True) -> tuple[set[str], bool]:
    """What is remembered of a configuration with such classes: packages, and itself."""
    config = yaml.safe_dump({"model": {"class_path": "x", "y": [{"class_path": n} for n in names]}})
    callback = ModelCheckpoint()
    trainer = SimpleNamespace(is_global_zero=first, profiler=SimpleNamespace(dirpath=None))
    trainer.callbacks = [callback]
    settle(trusted, config, Run(Path("root"), 0), trainer)
    inside = callback.dirpath is not None
    assert inside == (trusted is not None and not trusted.own)
    return {entry["package"] for entry in entries() if "package" in entry}, is_own(config)


def test_what_a_command_runs_is_remembered() -> None:
    net = "tests.one_layer.OneLayer"
    assert settled(None, net, first=False) == (set(), False)
    stranger = Trusted({"model": {"class_path": net}})
    assert settled(stranger, net) == (set(), False)
    assert settled(Trusted({}), net) == ({"tests"}, False)  # which the command added
    assert settled(Trusted({"model": {"class_path": net}}, own=True), net) == ({"tests"}, True)


def test_settings_of_jsonargparse_are_as_before(layers: dict[str, Any]) -> None:
    from jsonargparse import _common

    before = dict(_common.parsing_settings)
    parse(read(layers))
    assert _common.parsing_settings == before
