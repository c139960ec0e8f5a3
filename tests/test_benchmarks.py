import pytest

from benchmarks import speed
from benchmarks.speed import FAST, NOTEBOOK, OURS, PLAIN, RAW, Measured


def run(images_per_s: float, fit_s: float = 8, wall_s: float = 13, acc: float = 0.993) -> Measured:
    return Measured(images_per_s, fit_s, wall_s, 900, acc)


@pytest.fixture
def found() -> dict[str, list[Measured]]:
    return {
        OURS: [run(5000), run(2500)],
        RAW: [run(5400), run(2700)],
        NOTEBOOK: [run(2400, wall_s=50, acc=0.97), run(1200, wall_s=50, acc=0.97)],
        PLAIN: [run(1900, wall_s=60, acc=0.98), run(900, wall_s=60, acc=0.98)],
        FAST: [run(5000, acc=0.991)] * 5,
    }


def failed(found: dict[str, list[Measured]]) -> list[str]:
    return [what for what, holds in speed.claims(found) if not holds]


def test_claims_hold_within_their_bounds(found: dict[str, list[Measured]]) -> None:
    assert failed(found) == []


@pytest.mark.parametrize(
    ("name", "value", "claim"),
    [
        (RAW, run(6000), "epoch / raw loop"),
        (PLAIN, run(3000, wall_s=60), "epoch of plain Lightning"),
        (NOTEBOOK, run(3000, wall_s=50), "epoch of the notebook"),
        (NOTEBOOK, run(1000, wall_s=20), "process of fast.yaml / the notebook"),
        (PLAIN, run(1000, wall_s=60, acc=0.995), "test accuracy, plain Lightning"),
        (FAST, run(5000, acc=0.989), "mean test accuracy of fast.yaml"),
        (FAST, run(5000, fit_s=10.1), "fit of fast.yaml"),
    ],
)
def test_claim_that_does_not_hold_is_named(
    found: dict[str, list[Measured]], name: str, value: Measured, claim: str
) -> None:
    found[name] = [value] * 5
    assert any(what.startswith(claim) for what in failed(found)), failed(found)


def test_rounds_are_compared_one_by_one(found: dict[str, list[Measured]]) -> None:
    assert speed.ratio(found[OURS], found[RAW]) == pytest.approx(1.08)
    assert speed.ratio(found[NOTEBOOK], found[OURS], "wall_s") == pytest.approx(50 / 13)
