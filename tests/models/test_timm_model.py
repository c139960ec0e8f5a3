"""Networks of timm by their names; what each network must do is in `test_contract`."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from src.batch import Batch
from src.engine.checkpoints.trained import Trained
from src.evaluate import main as evaluate
from src.export import main as export
from src.models import TimmModel, timm_model
from src.train import main
from tests.conftest import Train
from tests.hostile import forge, place
from tests.test_exact_resume import state, stop_at
from tests.test_train import refusal, refusal_of

timm = pytest.importorskip("timm")
NETWORK = "--model.network=TimmModel"
# Thirty of twenty-five families, with the size to which they bring images of 28 x 28 px.
FAMILIES = {
    **dict.fromkeys(["resnet18", "seresnext26t_32x4d", "regnetx_002", "regnety_002"]),
    **dict.fromkeys(["tf_efficientnet_lite0", "mobilenetv2_050", "mobilenetv3_small_050"]),
    **dict.fromkeys(["lcnet_050", "mobilenetv4_conv_small", "ghostnet_050", "rexnet_100"]),
    **dict.fromkeys(["repvgg_a0", "starnet_s1", "repvit_m0_9", "efficientvit_b0", "test_nfnet"]),
    **dict.fromkeys(["densenet121", "convnext_atto", "convnextv2_atto", "mambaout_femto"], 32),
    **dict.fromkeys(["vit_tiny_patch16_224", "deit_tiny_patch16_224", "resmlp_12_224"], 32),
    **dict.fromkeys(["poolformer_s12", "edgenext_xx_small", "levit_128s", "pvt_v2_b0"], 32),
    **dict.fromkeys(["xcit_nano_12_p16_224", "inception_next_atto"], 32),
    "mobilevit_xxs": 64,
}
# Ten of ten families; a conversion takes ten times as long as the training before it.
EXPORTED = {"resnet18", "regnety_002", "lcnet_050", "repvgg_a0", "starnet_s1", "convnext_atto"}
EXPORTED |= {"mambaout_femto", "vit_tiny_patch16_224", "poolformer_s12", "mobilevit_xxs"}


def words(name: str, **settings: object) -> list[str]:
    """Name a network as a user does."""
    flags = [f"--model.network.{key}={value}" for key, value in settings.items()]
    return [NETWORK, f"--model.network.name={name}", *flags]


def test_network_is_that_of_timm(batch: Batch) -> None:
    torch.manual_seed(0)
    network = TimmModel("test_resnet", (1, 28, 28), 10, options={"drop_rate": 0.5}).eval()
    torch.manual_seed(0)
    original = timm.create_model("test_resnet", in_chans=1, num_classes=10).eval()
    torch.testing.assert_close(network(batch.image), original(batch.image))
    assert network.model.drop_rate == 0.5


@pytest.mark.parametrize(
    "name", ["hf_hub:timm/resnet18.a1_in1k", "hf-hub:a/b", "local-dir:.", "timm/resnet18", ".", ""]
)
def test_address_of_a_network_is_not_followed(name: str, monkeypatch) -> None:
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: pytest.fail("it was followed"))
    with pytest.raises(ValueError, match="timm has no architecture"):
        TimmModel(name)


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "hf_hub:timm/resnet18.a1_in1k"},
        {"name": "local-dir:evil"},
        {"name": "test_resnet", "options": {"pretrained": True}},
        {"name": "test_resnet", "options": {"checkpoint_path": "evil.pth"}},
    ],
)
def test_checkpoint_of_a_stranger_fetches_nothing(
    finished: Train, capsys, monkeypatch, asked: dict[str, object]
) -> None:
    finished("--trainer.max_epochs=1")
    genuine = Path("checkpoints/version_0/best.ckpt")
    config = yaml.safe_load(torch.load(genuine, weights_only=True)["config"])
    network = {"class_path": "src.models.TimmModel", "init_args": asked}
    forge(genuine, Path("forged.ckpt"), place(config, "model/init_args/network", network))
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: pytest.fail("it was followed"))
    code, line = refusal_of(capsys, lambda: evaluate(["forged.ckpt", "--trust", "tests"]))
    assert code == 2
    assert "timm has no architecture" in line or "is no option of" in line


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet81", "'resnet81'; did you mean"),
        ("resnet18.a1_in1k", "'resnet18.a1_in1k'; did you mean resnet18"),
        ("nonsense", "'nonsense'$"),
    ],
)
def test_wrong_name_is_told_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"timm has no architecture {said}"):
        TimmModel(name)


@pytest.mark.parametrize(
    "option",
    [
        *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_model_args"),
        *("checkpoint_path", "cache_dir", "features_only", "num_classes", "in_chans", "img_size"),
    ],
)
def test_option_that_fetches_or_contradicts_the_data_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"^{option} is no option of an architecture"):
        TimmModel("test_resnet", options={option: 1})


def test_missing_timm_is_one_line(monkeypatch) -> None:
    monkeypatch.setattr(timm_model, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r'TimmModel needs timm: pip install -e "\.\[timm\]"'):
        TimmModel("test_resnet")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "test_convnext"}, "does not take images of 28 x 28 px (Calculated padded input"),
        ({"name": "test_vit"}, "--model.network.resize 160"),
        ({"name": "test_resnet", "options.wings": 2}, "timm cannot make test_resnet with {"),
        ({"name": "test_resnet", "resize": 0}, "TimmModel needs positive sizes"),
        ({"name": "dla34", "resize": 32, "grad_checkpointing": "true"}, "no grad_checkpointing"),
    ],
)
def test_network_that_cannot_be_is_refused_before_a_run(
    train: Train, capsys, settings: dict[str, object], said: str
) -> None:
    flags = [f"--model.network.{key}={value}" for key, value in settings.items()]
    code, line = refusal(capsys, "--data=tests.tiny_mnist.TinyMNIST", NETWORK, *flags)
    assert code == 2
    assert said in line
    assert not Path("lightning_logs").exists()


def test_images_that_would_be_cut_are_refused() -> None:
    with pytest.raises(ValueError, match="patches of 16 x 16 px would cut off an edge"):
        TimmModel("vit_tiny_patch16_224", (1, 40, 40))


def test_checkpointed_gradients_are_the_same(batch: Batch) -> None:
    gradients = []
    for flag in (False, True):
        torch.manual_seed(0)
        network = TimmModel("test_vit", resize=32, grad_checkpointing=flag)
        assert network.model.grad_checkpointing == flag
        torch.nn.functional.cross_entropy(network(batch.image), batch.label).backward()
        gradients.append({name: p.grad for name, p in network.named_parameters()})
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("name", ["test_resnet", pytest.param("test_vit", marks=pytest.mark.slow)])
def test_named_network_is_resumed_exactly_and_trusted(train: Train, monkeypatch, name: str) -> None:
    few = ["--trainer.limit_train_batches=3", "--trainer.max_epochs=2", "--test=false"]
    args = [*words(name, resize=32, **{"options.drop_rate": 0.2}), *few]
    args.append("--trainer.callbacks+=EMAWeightAveraging")
    train(*args)
    with stop_at(monkeypatch, 1):
        train(*args)
    main(["--ckpt_path=last"])
    assert state(1) == state(0)
    monkeypatch.setenv("XDG_STATE_HOME", "elsewhere")  # as on a machine that knows nothing of it
    loaded = Trained.load("last", trusted="tests")
    assert not loaded.config.own
    dropouts = [part.p for part in loaded.task.modules() if isinstance(part, torch.nn.Dropout)]
    assert 0.2 in dropouts or loaded.task.network.model.drop_rate == 0.2


@pytest.mark.slow
def test_other_networks_do_not_wait_for_timm() -> None:
    code = "import sys, src.models; sys.exit('timm' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_architecture_trains_resumes_and_is_evaluated(train: Train, name: str) -> None:
    size = {"resize": FAMILIES[name]} if FAMILIES[name] else {}
    few = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=1", "--test=false"]
    train(*words(name, **size), *few)
    last = "checkpoints/version_0/last.ckpt"  # to look for the last run costs as much again
    main([f"--ckpt_path={last}", "--trainer.max_epochs=2"])
    evaluate([last])
    if name in EXPORTED:
        export([last, "--format", "onnx"])
        assert Path("checkpoints/version_0/export/model.onnx").is_file()
