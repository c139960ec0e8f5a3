"""Claims: what is written down, what of it was kept, and how often a wrong one is confirmed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.engine.jobs.samples import RunSet
from src.engine.records.ledger import add_look
from src.engine.records.metric import Metric
from src.statistics.claim import Claim, breaches, claims_on, parse_claim, together, verdict
from src.statistics.comparison import Sample, compare
from src.statistics.sentence import Scale

ACC = Metric("test/acc", "max", "percent")
PLAN = Claim("b", "a", 0.1, "test/acc", "max", seeds=3, made="2026-01-02T00:00:00.000+00:00")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def claim(**changes) -> Claim:
    return replace(PLAN, **changes, looks=[])


def sample(name: str, *values: float) -> Sample:
    return Sample(name, dict(enumerate(values)), {})


def test_claim_is_read_in_plain_words() -> None:
    assert parse_claim(" big.net beats small-net by 0.25 ") == ("big.net", "small-net", 0.25)
    for text in ("b beats a", "b beats b by 1", "b beats a by -1", "../b beats a by 1", "b > a"):
        with pytest.raises(ValueError, match=r"must be such as 'B beats A by 0.1', of two groups"):
            parse_claim(text)


@pytest.mark.parametrize("change", [{"seeds": 1}, {"alpha": 0.0}, {"alpha": float("nan")}])
def test_plan_that_is_none_is_refused(change: dict) -> None:
    with pytest.raises(ValueError, match=r"a claim needs --seeds|--alpha must be between"):
        claim(**change)


def test_claim_is_found_again_by_its_groups() -> None:
    claim().write()
    assert PLAN.file == Path("claims/b-beats-a-on-test-acc.json")
    assert claims_on(["a", "b", "c"]) == [PLAN]
    assert claims_on(["a", "c"]) == []
    assert claim().text == (
        "b beats a by 0.1 (test/acc, highest is best, 3 seeds each, error 0.05), written "
        "2026-01-02T00:00, commit none"
    )
    PLAN.file.write_text("null")
    with pytest.raises(ValueError, match=r"b-beats-a-on-test-acc\.json is damaged"):
        claims_on(["a", "b"])


def test_several_claims_say_that_they_are_not_corrected_for_each_other() -> None:
    assert together([claim()]) == together([]) == ""
    said = together([claim(), claim(metric="test/loss", alpha=0.01), claim(better="c")])
    assert said == (
        "claims         3 on these groups, not corrected for each other: each has its own error; "
        "the chance that at least one holds wrongly is at most 0.11"
    )


@pytest.mark.parametrize("looks", [[10], [5, 10], [*range(2, 11)], [9, 10], [2, 12]])
def test_looks_spend_the_error_together(looks: list[int]) -> None:
    plan, spent = claim(seeds=10), 0.0
    for seeds in looks:
        level = plan.level(seeds)
        plan.looks.append({"seeds": seeds, "level": level, "holds": False})
        spent += level
    assert spent == pytest.approx(0.05)
    assert plan.level(looks[-1] + 1) == 0  # more seeds than planned have nothing left
    assert plan.level(looks[0]) == plan.looks[0]["level"]  # again at the same seeds


def test_spending_is_that_of_obrien_and_fleming() -> None:
    assert claim(seeds=4).level(2) == pytest.approx(0.005575, abs=1e-6)  # 2 - 2 Phi(1.96 / 0.5^0.5)
    assert claim(seeds=4, alpha=0.1).level(4) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("metric", "margin", "holds"),
    [
        (ACC, 1.0, True),
        (ACC, 20.0, False),
        (Metric("test/rmse", "min"), 0.0, False),
        ("test/unknown", 0.01, True),
    ],
)
def test_claim_holds_if_its_whole_interval_is_beyond_the_margin(metric, margin, holds) -> None:
    mode = "max" if isinstance(metric, str) else metric.mode
    plan, other = claim(margin=margin, mode=mode), sample("a", 0.5, 0.6, 0.55)
    better = sample("b", 0.6, 0.7, 0.66)
    (found,) = compare([other, better], None)
    held, seen = plan.look(other, better, Scale(metric))
    assert held == holds
    assert (seen.low, seen.high) == pytest.approx((found.low, found.high))
    (look,) = plan.looks
    assert (look["seeds"], look["level"], look["holds"]) == (3, pytest.approx(0.05), holds)
    plan.look(other, better, Scale(metric))
    assert len(plan.looks) == 1  # the same look again


def test_lower_is_better_where_the_claim_says_so() -> None:
    plan = claim(margin=0.05, mode="min")
    more, less = sample("a", 0.6, 0.7, 0.66), sample("b", 0.5, 0.6, 0.55)
    assert plan.look(more, less, Scale(Metric("test/rmse", "min")))[0]


def make_run(version: int, group: str, seed: int, began: str, finished: bool = True) -> None:
    folder = Path(f"lightning_logs/version_{version}")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("seed_everything: 1\n")
    about = {"group": group, "seed": seed, "began": began, "config": group}
    (folder / "run.json").write_text(json.dumps(about))
    name, content = ("metrics", {"steps": 1}) if finished else ("progress", {"step": 1})
    (folder / f"{name}.json").write_text(json.dumps(content))


def test_what_was_not_done_as_planned_is_told(capsys) -> None:
    for version in range(4):
        make_run(version, "a", version, "2026-01-03")
    make_run(4, "b", 1, "2026-01-01")
    make_run(5, "b", 1, "2026-01-03")
    make_run(6, "b", 2, "2026-01-01")
    make_run(7, "b", 3, "2026-01-03", finished=False)
    for run in ("version_0", "version_9"):  # one of which was removed
        add_look(Path(), {"by": "src.train", "run": run, "config": "a", "network": 1})
    add_look(Path(), {"by": "src.train", "run": "version_8", "config": "c", "network": 1})
    assert breaches(claim(), [RunSet.find("a"), RunSet.find("b")]) == [
        "4 seeds of a instead of 3",
        "trained, but not included: version_9 of a",
        "begun before the claim: version_6",
        "trained, but not included: version_4, version_7 of b",
    ]


def test_verdict_follows_the_plan_to_its_end() -> None:
    values = {"a": [0.5, 0.6, 0.55, 0.52], "b": [0.6, 0.71, 0.66, 0.63]}
    told = []
    for count in (1, 2, 3):
        sets = []
        for version, name in enumerate("ab"):
            make_run(10 * version + count, name, count, "2026-01-03")
            sets.append(RunSet.find(name))
        samples = [sample(name, *values[name][:count]) for name in "ab"]
        if not told:
            claim().write()
        (plan,) = claims_on(["a", "b"])
        told.append(verdict(plan, sets, samples, Scale(ACC)).splitlines())
    assert [lines[1].split(maxsplit=1)[1] for lines in told] == ["kept so far"] * 2 + ["kept"]
    assert told[0][2] == "verdict        is open; 1 of 3 seeds: no interval yet"
    assert told[1][2].startswith("verdict        is open; 2 of 3 seeds: the gain of b over a is ")
    assert told[2][2].startswith("verdict        holds; 3 of 3 seeds: the gain of b over a is ")
    assert [look["holds"] for look in claims_on(["a", "b"])[0].looks] == [False, True]
    make_run(5, "b", 9, "2026-01-03")
    sets[1] = RunSet.find("b")
    text = verdict(claims_on(["a", "b"])[0], sets, samples, Scale(ACC))
    assert "plan           not kept: 4 seeds of b instead of 3\n" in text
    assert "verdict        holds, but the plan was not kept; 3 of 3 seeds: " in text


def test_claim_of_the_other_direction_is_refused() -> None:
    pair = [sample("a", 1.0), sample("b", 1.0)]
    with pytest.raises(ValueError, match="lowest is best there, and highest for the runs"):
        verdict(claim(mode="min"), [], pair, Scale(ACC))


@pytest.mark.parametrize(
    ("mode", "margin", "better", "told"),
    [
        ("max", 1.0, [0.61, 0.70, 0.66], "is 9.23 to 12.10 points (claimed: above 1), with an"),
        ("min", 0.01, [0.41, 0.50, 0.44], "is 0.0752 to 0.1248 (claimed: above 0.01), with an"),
    ],
)
def test_gain_is_told_in_the_direction_of_the_claim(mode, margin, better, told) -> None:
    for version, name in enumerate("aaabbb"):
        make_run(version, name, version % 3, "2026-01-03")
    sets = [RunSet.find(name) for name in "ab"]
    samples = [sample("a", 0.5, 0.6, 0.55), sample("b", *better)]
    scale = Scale(ACC if mode == "max" else Metric("test/acc", "min"))
    text = verdict(claim(mode=mode, margin=margin), sets, samples, scale)
    assert f"verdict        holds; 3 of 3 seeds: the gain of b over a {told}" in text


def test_look_for_which_no_error_is_left_has_no_interval() -> None:
    plan = claim(seeds=2)
    plan.looks.append({"seeds": 2, "level": 0.05, "holds": False})
    for version, name in enumerate("aaabbb"):
        make_run(version, name, version % 3, "2026-01-03")
    samples = [sample("a", 0.5, 0.6, 0.55), sample("b", 0.6, 0.7, 0.66)]
    text = verdict(plan, [RunSet.find(name) for name in "ab"], samples, Scale(ACC))
    assert (
        "does not hold, but the plan was not kept; 3 of 2 seeds: the plan leaves no error" in text
    )
    assert "inf" not in text


@pytest.mark.slow
def test_looking_after_each_of_ten_seeds_finds_what_is_not_there_in_5_percent_at_most() -> None:
    generator, scale = np.random.default_rng(0), Scale("x")
    corrected = naive = 0
    for _ in range(1000):
        values = generator.normal(0, 1, (2, 10))
        plans = [claim(margin=0.0, metric="x", seeds=10, mode=mode) for mode in ("max", "min")]
        wrong = plain = False
        for count in range(2, 11):
            pair = [sample(name, *row[:count]) for name, row in zip("ab", values, strict=True)]
            wrong |= any(plan.look(*pair, scale)[0] for plan in plans)
            plain |= compare(pair, None)[0].distinguishable
        corrected, naive = corrected + wrong, naive + plain
    assert corrected / 1000 <= 0.05
    assert naive / 1000 > 0.15
