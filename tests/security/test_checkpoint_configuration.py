"""The configuration in a stranger's checkpoint: refused in one line by every command."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import VERBS, forge, place, watched

Payload = Callable[[dict[str, Any]], Any]
NETWORK, AUGMENT = "model/init_args/network", "data/init_args/augment"
CALLABLE = "model/init_args/scheduler"
CODE = {
    "class_path": "torch.fx.graph_module.reduce_graph_module",
    "init_args": {
        "body": {"_code": "def forward(self, x): return x"},
        "import_block": "import pathlib; pathlib.Path('PWNED').touch()",
    },
}
SHELL = {"class_path": "subprocess.getoutput", "init_args": {"cmd": "touch PWNED"}}


def at(path: str, value: Any) -> Payload:
    return lambda config: place(config, path, value)


def named(name: str, path: str = NETWORK, **arguments: Any) -> Payload:
    return at(path, {"class_path": name, "init_args": arguments})


def hidden(value: Any) -> str:
    """Write a structure as a text in which the letters `class_path` do not occur."""
    return json.dumps(value).replace("class_path", "class\\u005fpath")


NESTED: Any = {"class_path": "torch.nn.Identity", "init_args": {}}
for _ in range(9):
    NESTED = {
        "class_path": "torchvision.transforms.v2.RandomApply",
        "init_args": {"transforms": [NESTED]},
    }
TEXT_AS_STRUCTURE = {
    "network": at(NETWORK, hidden(CODE)),
    "augment": at(AUGMENT, hidden(CODE)),
    "shell": at(NETWORK, hidden(SHELL)),
    "yaml": at(NETWORK, "class_path: subprocess.getoutput\ninit_args: {cmd: touch PWNED}"),
    "flow": at(AUGMENT, "{? class_path : subprocess.getoutput, init_args: {cmd: touch PWNED}}"),
    "allowed class": at(NETWORK, '{"class_path": "src.models.CNN"}'),
    "name": at(NETWORK, "src.models.CNN"),
    "short name": at(NETWORK, "CNN"),
    "optimizer": at("model/init_args/optimizer", hidden(SHELL)),
    "function": at(CALLABLE, "subprocess.getoutput"),
    "model": at("model", hidden(SHELL)),
    "data": at("data", hidden(SHELL)),
    "trainer": at("trainer", "{logger: {class_path: subprocess.getoutput}}"),
    "best": at("best", "evil.yaml"),
    "file": at(NETWORK, "evil.yaml"),
    "file of data": at(AUGMENT, "./evil.yaml"),
    "arguments": at("model/init_args", hidden({"network": SHELL})),
    "dotted key": at("model/init_args/network.class_path", "subprocess.getoutput"),
    "added": at("model/init_args/network+", hidden(SHELL)),
    "class in a list": at("model/init_args/network/init_args/hidden", [SHELL]),
    "name that is a list": at(NETWORK, {"class_path": ["subprocess.getoutput"]}),
}
SPEC = json.dumps(SHELL)
KEYS = "trainer.callbacks", "trainer.default_root_dir", "trainer.logger", "trainer+", "x.y"
OPEN = "torchvision.transforms.v2.GaussianNoise"  # its `clip` has no type
TEXT_AS_STRUCTURE |= {
    "text of any type": named(OPEN, AUGMENT, clip=SPEC),
    "yaml of any type": named(OPEN, AUGMENT, clip="{? class_path : evil.Net}"),
    "text in a text": named(OPEN, AUGMENT, clip=json.dumps({"a": SPEC})),
    "text in a list": named(OPEN, AUGMENT, clip=json.dumps([[SPEC]])),
    "hidden in a text": named(OPEN, AUGMENT, clip=hidden(SHELL)),
    "text of a list": named(OPEN, AUGMENT, clip=[SPEC]),
    "text among more": at(AUGMENT, {"class_path": "torch.nn.Identity", "dict_kwargs": {"x": SPEC}}),
    "state of a hook": named(
        "lightning.pytorch.strategies.DDPStrategy", "trainer/strategy", ddp_comm_state=SPEC
    ),
    "activation": named("torch.nn.TransformerEncoderLayer", d_model=1, nhead=1, activation=SPEC),
    **{f"key {key}": at(key, [SHELL]) for key in KEYS},
    "key of the trainer": at("trainer/logger.class_path", "subprocess.getoutput"),
    "key of a callback": at("trainer/callbacks+", [SHELL]),
    "key beside a class": at("data/init_args.data_dir", "PWNED"),
    "key of arguments": at("model/init_args/network/init_args/x.y", 1),
    "number as a key": at("data/init_args", {1: 2}),
    "path of a file": at("model/__path__", "evil.yaml"),
    "model without a class": at("model", {"init_args": {"network": SHELL}}),
    "nested": at(NETWORK, NESTED),
}
IMPORTED = {
    "beside the checkpoint": named("checkpoints.version_7.evil.Net"),
    "in lightning_logs": named("lightning_logs.evil.Net"),
    "in data": named("data.evil.Net"),
    "here": named("evil.Net"),
    "in a folder here": named("lab.evil.Net"),
    "main of unittest": named("unittest.__main__.x"),
    "antigravity": named("antigravity.x"),
    "this": named("this.s"),
    "idle": named("idlelib.idle.x"),
    "torchrun": named("torch.distributed.run.main"),
    "hub": named("torch.hub.load", repo_or_dir="x/y", model="z"),
    "command line": named("lightning.pytorch.cli.LightningCLI"),
    "deep in torch": named("torch.testing._internal.common_utils.TestCase"),
    "function of a file": at(CALLABLE, {"class_path": "evil.function"}),
    "script of a trusted package": named("tests.__main__.Net"),
    "under the tests": named("tests.checkpoints.version_7.evil.Net"),
}
PREFIXED = {
    "system": named("src.data.files.os.system", command="touch PWNED"),
    "rmtree": named("src.runs.shutil.rmtree", path="."),
    "run": named("src.engine.records.provenance.subprocess.run", args=["touch", "PWNED"]),
    "writer": named("src.engine.files.atomic_write.write_atomic", path="PWNED", content="x"),
    "recorder": named("src.engine.records.save_config.SaveConfig", config="x", folder="PWNED"),
    "heartbeat": at(
        "trainer/callbacks", [{"class_path": "src.engine.records.heartbeat.Heartbeat"}]
    ),
    "space before": named(" os.system", command="touch PWNED"),
    "colon": named("os:system", command="touch PWNED"),
    "full width": named("\uff4fs.system", command="touch PWNED"),
    "method": named("src.models.CNN.forward"),
    "class of torch by ours": named("src.models.cnn.nn.Linear", in_features=1, out_features=1),
    "function of a trusted package": named("tests.tiny_mnist.write_files", folder="PWNED"),
    "module of a trusted package": named("tests.hostile.os.system", command="touch PWNED"),
    "class by a trusted package": named("tests.tiny_mnist.torch.nn.Identity"),
    "lambda": at(
        "trainer/callbacks",
        [
            {
                "class_path": "lightning.pytorch.callbacks.LambdaCallback",
                "init_args": {"on_fit_start": "src.engine.files.atomic_write.write_atomic"},
            }
        ],
    ),
    "function of a schedule": named(
        "torch.optim.lr_scheduler.LambdaLR", CALLABLE, lr_lambda="os.system"
    ),
    "type": named("torch.nn.ModuleList", modules="os.system"),
    "part of a torchvision": named("torchvision.datasets.folder.os.system", command="touch PWNED"),
    "transform": named("torchvision.transforms.v2.Lambda", AUGMENT, lambd="os.system"),
    "empty": named(""),
    "private": named("src.models.__loader__"),
}
ADDRESSES: dict[str, Payload] = {
    name: lambda config, text=text: text
    for name, text in {
        "http": "http://127.0.0.1:8765/a: b",
        "https": "https://127.0.0.1:8765/a.yaml",
        "file": "file:///etc/passwd",
        "path": "evil.yaml",
        "absolute": "/etc/passwd",
        "bucket": "s3://bucket/evil.yaml",
        "config": "config: evil.yaml",
        "configs": "config: [http://127.0.0.1:8765/evil.yaml]",
        "list": "[1, 2]",
        "nothing": "",
    }.items()
}
SAVER = "lightning.pytorch.callbacks.ModelCheckpoint"


def doubled(name: str, path: str, **arguments: Any) -> Payload:
    part = {"class_path": name, "init_args": {}, "dict_kwargs": arguments}
    return at(path, [part] if path.endswith("callbacks") else part)


REACHING = {
    "folder of a state": doubled(SAVER, "trainer/callbacks", dirpath="PWNED"),
    "folder of a profile": doubled(
        "lightning.pytorch.profilers.SimpleProfiler", "trainer/profiler", dirpath="PWNED"
    ),
    "folder of data": doubled("tests.tiny_mnist.TinyMNIST", "data", data_dir="PWNED"),
    "letters of a name": at(
        "trainer/callbacks",
        [{"class_path": SAVER, "init_args": {"filename": "{b:c}tmp{b:c}PWNED"}}],
    ),
    "length of a name": at(
        "trainer/callbacks",
        [{"class_path": SAVER, "init_args": {"filename": "{step:>3000000000}"}}],
    ),
    "attribute of a name": at(
        "trainer/callbacks",
        [{"class_path": SAVER, "init_args": {"filename": "{step.__class__}"}}],
    ),
    "weights by a key": at(
        NETWORK,
        {"class_path": "torchvision.models.resnet18", "init_args.weights": "DEFAULT"},
    ),
    "weights": named("torchvision.models.resnet18", weights="DEFAULT"),
    "pretrained": at(
        NETWORK,
        {"class_path": "torchvision.models.resnet18", "dict_kwargs": {"pretrained": True}},
    ),
    "backbone": named("torchvision.models.detection.fasterrcnn_resnet50_fpn"),
    "segmentation": named("torchvision.models.segmentation.fcn_resnet50"),
    "quantized": named("torchvision.models.quantization.resnet18", weights="DEFAULT"),
    "perceptual": named("torchmetrics.image.LearnedPerceptualImagePatchSimilarity"),
    "inception": named("torchmetrics.image.fid.FrechetInceptionDistance"),
    "bert": named("torchmetrics.text.BERTScore"),
    "wandb": named("lightning.pytorch.loggers.WandbLogger", "trainer/logger", save_dir="PWNED"),
    "mlflow": named("lightning.pytorch.loggers.MLFlowLogger", "trainer/logger"),
    "deepspeed": named("lightning.pytorch.strategies.DeepSpeedStrategy", "trainer/strategy"),
    "deepspeed by name": at("trainer/strategy", "deepspeed_stage_3_offload"),
    "saver": named("lightning.pytorch.plugins.AsyncCheckpointIO", "trainer/plugins"),
    "name of a state": at(
        "trainer/callbacks",
        [
            {
                "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
                "init_args": {"filename": "../../../PWNED"},
            }
        ],
    ),
    "name of a profile": named(
        "lightning.pytorch.profilers.AdvancedProfiler", "trainer/profiler", filename="/tmp/PWNED"
    ),
    "demo of lightning": named("lightning.pytorch.demos.LightningTransformer", "model"),
}
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
LIMITS: dict[str, Payload] = {
    "aliases in a text": named(OPEN, AUGMENT, clip=BOMB),
    "memory of a network": named("torch.nn.LSTM", input_size=1, hidden_size=1, num_layers=10**9),
    "memory of a layer": at("model/init_args/network/init_args/hidden", [10**5, 10**6]),
    "memory of images": named("torch.nn.Linear", AUGMENT, in_features=10**6, out_features=10**6),
    "device": at(NETWORK, "/dev/zero"),
    "device as a file of data": at("data", "/dev/zero"),
    "aliases": lambda config: BOMB,
    "anchor": lambda config: "model: &a {class_path: x, init_args: *a}",
    "tag": lambda config: "model: !!python/object/apply:os.system [touch PWNED]",
    "set": lambda config: "model: !!set {a, b}",
    "long": lambda config: "model: " + "x" * 3_000_000,
    "deep": lambda config: "[" * 100_000,
    "digits": lambda config: "model: " + "9" * 100_000,
    "entries": lambda config: "model: [" + "1," * 400_000 + "]",
    "class as a number": lambda config: {"model": {"class_path": 3}, "data": None},
}
KINDS = {
    "text": TEXT_AS_STRUCTURE,
    "import": IMPORTED,
    "prefix": PREFIXED,
    "address": ADDRESSES,
    "reach": REACHING,
    "limit": LIMITS,
}
# The others parse parts of what a training parses, by the same code.
EACH_VERB = [pytest.param(v, marks=[pytest.mark.slow] * (v != "train")) for v in VERBS]
CASES = [
    pytest.param(payload, id=f"{kind}-{name.replace(' ', '_')}")
    for kind, payloads in KINDS.items()
    for name, payload in payloads.items()
]
MODULES = ("checkpoints/version_7", "lightning_logs", "data", "lab", ".")


@pytest.fixture
def trap(stranger: Path) -> Path:
    """Lay out modules and files that tell when they are imported or read."""
    for folder in MODULES:
        (stranger / folder).mkdir(parents=True, exist_ok=True)
        code = "import pathlib\npathlib.Path('PWNED').touch()\n"
        (stranger / folder / "evil.py").write_text(code)
    (stranger / "evil.yaml").write_text(json.dumps(SHELL))
    sys.path.insert(0, str(stranger))  # as `python -m` does
    yield stranger / "checkpoints" / "version_7"
    sys.path.remove(str(stranger))


@pytest.mark.parametrize("verb", EACH_VERB)
@pytest.mark.parametrize("payload", CASES)
def test_configuration_is_refused(
    verb: str,
    payload: Payload,
    trap: Path,
    genuine: Path,
    config: dict[str, Any],
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("src.engine.checkpoints.build._LONGEST_S", 1.0)
    ckpt = forge(genuine, trap / "x.ckpt", payload(config))
    with watched() as seen, pytest.raises(SystemExit) as stop:
        VERBS[verb](ckpt)
    said = capsys.readouterr()
    assert (stop.value.code, said.err.count("\n")) == (2, 1), said.err
    assert said.err.startswith("error: ")
    assert len(said.err) < 600
    assert not said.out
    assert not seen.reached
    assert not {name for name in seen.imported if "evil" in name or name in NEVER}
    assert not [file for file in seen.opened if Path(file).name in TOUCHED]
    assert not Path("PWNED").exists()


NEVER = {"antigravity", "this", "unittest.__main__", "idlelib", "wandb", "mlflow", "deepspeed"}
TOUCHED = {"evil.yaml", "evil.py", "zero", "passwd"}


@pytest.mark.parametrize("verb", VERBS)
def test_genuine_checkpoint_is_used(
    verb: str, stranger: Path, genuine: Path, config: dict[str, Any], monkeypatch: Any, capsys: Any
) -> None:
    """The same checkpoint, unchanged: what refuses the others refuses not everything."""
    monkeypatch.setattr("src.deployment.demo_server.DemoServer.serve_forever", lambda self: None)
    ckpt = forge(genuine, stranger / "x.ckpt", config)
    with suppress(SystemExit):
        VERBS[verb](ckpt)
    assert "error" not in capsys.readouterr().err
