import pytest

from src.engine.checkpoints.named import Named, is_own_package

WORDS = [
    *("--model.scheduler.lr_lambda=math.exp", "--trainer.logger", "CSVLogger", "--group", "run"),
    '--model.network={"class_path": "my_lab.Net"}',
]


def test_name_must_be_the_whole_value() -> None:
    named = Named(WORDS)
    assert named.has("math.exp")
    assert not named.has("math")
    assert not named.has("my_lab.Net")


@pytest.mark.parametrize(
    ("where", "name", "expected"),
    [
        ("trainer.logger", "lightning.pytorch.loggers.CSVLogger", True),
        ("trainer.logger.init_args.save_dir", "elsewhere", False),
        ("model.init_args.network", "my_lab.Net", True),
        ("model.init_args.network.init_args.body", "my_lab.Net", True),
        ("model.init_args.network.init_args.body", "os.system", False),
        ("model", "subprocess.run", False),
        ("data", "run", False),
    ],
)
def test_option_sets_a_place(where: str, name: str, expected: bool) -> None:
    assert Named(WORDS).sets(where, name) is expected


def test_short_names_mean_loaded_classes() -> None:
    from lightning.pytorch.loggers import CSVLogger  # noqa: F401

    paths = Named(WORDS).paths()
    assert {"lightning.pytorch.loggers.CSVLogger", "math.exp", "my_lab.Net"} <= paths
    assert not {path for path in paths if path.startswith("subprocess")}


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("my_lab", True),
        ("my_lab.nets.Net", True),
        ("torch.nn", False),
        ("os.path", False),
        ("checkpoints.x", False),
        ("my-lab.x", False),
        ("", False),
        ("3d.x", False),
    ],
)
def test_package_of_the_user_is_told(name: str, own: bool) -> None:
    assert is_own_package(name) is own


def test_paths_are_names() -> None:
    paths = Named(["--x=my_lab.2d.Net", "--y=1.5", "--z"]).paths()
    assert all(part.isidentifier() for path in paths for part in path.split("."))


def test_given_options_are_known() -> None:
    named = Named([*WORDS, "--data.init_args.data_dir=x"])
    assert named.gives("data.data_dir")
    assert not named.gives("data")
    assert not Named().gives("data.data_dir")
