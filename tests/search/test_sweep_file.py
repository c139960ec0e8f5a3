from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from src.search.sweep_file import Pruner, option, read_sweep

SWEEPS = sorted((Path(__file__).parents[2] / "configs" / "sweeps").glob("*.yaml"))


def sweep_of(tmp_path: Path, text: str):
    (tmp_path / "a.yaml").write_text(text)
    return read_sweep(tmp_path / "a.yaml")


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_sweep_can_be_read(path: Path) -> None:
    sweep = read_sweep(path)
    assert Path(sweep.config).is_file()


def test_space_has_ranges_and_choices(tmp_path: Path) -> None:
    text = """
    space:
      lr: {low: 1e-4, high: 0.1, log: true}
      width: {low: 8, high: 64, step: 8}
      momentum: {low: 0, high: 0.9}
      size: [64, 128]
      betas: [[0.9, 0.99], [0.9, 0.999]]
    """
    assert sweep_of(tmp_path, text).space == {
        "lr": FloatDistribution(1e-4, 0.1, log=True),
        "width": IntDistribution(8, 64, step=8),
        "momentum": FloatDistribution(0.0, 0.9),
        "size": CategoricalDistribution([64, 128]),
        "betas": CategoricalDistribution(["[0.9, 0.99]", "[0.9, 0.999]"]),
    }


def test_the_rest_has_defaults(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, "space: {a: [1, 2]}\nconfig: sub/b.yaml\n")
    assert (sweep.trials, sweep.metric, sweep.pruner) == (20, "val/acc", Pruner())
    assert sweep.config == str(tmp_path / "sub/b.yaml")
    assert not sweep.lowest
    assert sweep_of(tmp_path, "space: {a: [1]}\nmetric: val/loss\npruner: null\n").lowest


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.01, "--a=0.01"), ("CNN", "--a=CNN"), (True, "--a=true"), (None, "--a=null")],
)
def test_setting_is_a_word_of_the_command(value, expected: str) -> None:
    assert option("a", value) == expected


@pytest.mark.parametrize("text", ["[", "space: {a: [[1], {b: 2}]}\nx: 1", "{}"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"a\.yaml"):
        sweep_of(tmp_path, text)
