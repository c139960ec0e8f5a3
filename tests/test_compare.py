"""`python -m src.compare` as a user types it."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from src.compare import _content, _metric, _parser, _samples, _table, main
from src.engine.files.atomic_write import json_text
from src.engine.records.ledger import counted
from src.engine.records.metric import Metric
from src.statistics.comparison import compare
from src.statistics.sentence import Scale
from tests.conftest import Train
from tests.test_train import refusal_of

BAD = ["--trainer.max_epochs=1", "--model.optimizer.lr=0.00001", "--group=bad"]
GOOD = ["--trainer.max_epochs=1", "--group=good"]
ACC = Scale(Metric("val/acc", "max", "percent"))


def test_better_group_is_found_and_drawn(train: Train, capsys) -> None:
    for seed in (1, 2, 3):
        train(*BAD, f"--seed_everything={seed}")
        train(*GOOD, f"--seed_everything={seed}")
    capsys.readouterr()
    main(["bad", "good"])
    text = capsys.readouterr().out
    assert "good is better than bad by" in text
    assert "n = 3 pairs" in text
    assert "For these very networks, good minus bad on samples of this kind" in text
    assert "looks          6 looks at 6 networks of 2 configurations here" in text
    assert Path("compare.png").read_bytes().startswith(b"\x89PNG")
    main(["bad", "good", "--format=json"])
    content = json.loads(capsys.readouterr().out)
    (found,) = content["comparisons"]
    assert found["distinguishable"]
    assert found["sentence"].startswith("good is better than bad by")
    assert content["groups"][0]["runs"].keys() == {"1", "2", "3"}


def test_runs_are_compared_image_by_image(train: Train, capsys) -> None:
    train(*BAD)
    train(*GOOD)
    capsys.readouterr()
    main(["version_0", "version_1", "--out=x.png"])
    text = capsys.readouterr().out
    assert "from single runs: that says nothing of the configurations" in text
    assert "McNemar's p < 0.0001" in text
    main(["version_0", "version_1", "--metric=fit_s", "--format=json"])
    content = json.loads(capsys.readouterr().out)
    assert content["comparisons"][0]["images"] is None
    assert content["comparisons"][0]["p"] is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["version_0"], "give two groups or runs"),
        (["version_0", "version_0"], "given twice"),
        (["version_0", "nothing"], "nothing is no"),
        (["version_0", "good", "--metric=x"], "has no x; it has"),
        (["version_0", "version_0", "--difference=0"], "--difference must be a number above 0"),
        (["version_0", "version_0", "--difference=inf"], "--difference must be a number above 0"),
    ],
)
def test_wrong_command_is_one_line(words, expected, finished: Train, train, capsys) -> None:
    finished(*GOOD[:1])
    if "good" in words:
        train(*GOOD)
    code, line = refusal_of(capsys, lambda: main(words))
    assert (code, expected in line) == (2, True)


def group(root: Path, name: str, values: dict[int, float], **told) -> SimpleNamespace:
    """Stand in for the runs of a group."""
    records = {
        seed: SimpleNamespace(
            name=f"version_{seed}",
            metrics={"fit_s": 10.0 * seed},
            run=SimpleNamespace(root=root, log_dir=root / name / str(seed)),
        )
        for seed in values
    }
    for seed, answers in told.pop("answers", {}).items():
        records[seed].run.log_dir.mkdir(parents=True)
        said, label = (part.astype(np.int16) for part in answers)
        records[seed].metrics["test/acc"] = float((said == label).mean())
        np.savez(records[seed].run.log_dir / "predictions.npz", prediction=said, label=label)
    told = {"machines": "a", **told}
    return SimpleNamespace(
        name=name,
        records=records,
        values=lambda metric: values,
        machines=lambda: told["machines"],
    )


def test_words_have_defaults() -> None:
    assert vars(_parser().parse_args(["a", "b"])) == {
        "what": ["a", "b"],
        "metric": None,
        "better": None,
        "difference": None,
        "claim": None,
        "seeds": None,
        "alpha": None,
        "out": Path("compare.png"),
        "format": "text",
        "debug": False,
    }
    given = _parser().parse_args(["a", "--difference=0.5", "--out=x.png"])
    assert (given.difference, given.out) == (0.5, Path("x.png"))


def test_table_is_read_as_it_stands(tmp_path: Path) -> None:
    sets = [
        group(tmp_path, "a long name", {1: 0.99, 2: 0.991, 3: 0.9905}),
        group(tmp_path, "b", {1: 0.9912, 2: 0.9923, 3: 0.9917}),
        group(tmp_path, "c", {4: 0.98}),
    ]
    samples = _samples(sets, "val/acc")
    text = _table(sets, samples, compare(samples, 0.0005), "val/acc", ACC)
    lines = text.splitlines()
    assert lines[:4] == [
        "val/acc      n    mean     sd      95% interval  lowest  highest     fit",
        "a long name  3  99.05%  0.05%  98.93% to 99.17%  99.00%   99.10%  20.0 s",
        "b            3  99.17%  0.06%  99.04% to 99.31%  99.12%   99.23%  20.0 s",
        "c            1  98.00%                           98.00%   98.00%  40.0 s",
    ]
    assert lines[4:] == [
        "",
        "b is better than a long name by 0.12 points, 95% interval 0.11 to 0.14, n = 3 pairs, "
        "p = 0.00073. Effect size d_z = 21.36.",
        "",
        "c minus a long name is -1.05 points, from single runs: that says nothing of the "
        "configurations; train --seeds.",
        "",
        "Intervals and p over seeds hold for all comparisons together (Bonferroni).",
        "",
        f"looks          {counted([])}",
    ]
    two = _table(sets[:2], samples[:2], compare(samples[:2], 0.0005), "val/acc", ACC)
    assert "Bonferroni" not in two
    other = [samples[0], replace(samples[1], values={7: 0.9, 8: 0.8, 9: 0.7})]
    assert " Effect size d = -" in _table(sets[:2], other, compare(other, 0.0005), "val/acc", ACC)
    turned = samples[1::-1]
    text = _table(sets[1::-1], turned, compare(turned, 0.0005), "val/acc", ACC)
    assert "b is better than a long name by 0.12 points" in text
    assert "d_z = 21.36" in text  # as the sentence says it
    for record in sets[0].records.values():
        del record.metrics["fit_s"]
    assert "nan" not in _table(sets, samples, compare(samples, 0.0005), "val/acc", ACC)


def test_json_is_all_that_the_table_tells(tmp_path: Path) -> None:
    right = np.array([True, False])
    sets = [
        group(tmp_path, "a", {1: 0.5}, answers={1: (right, right)}),
        group(tmp_path, "b", {1: 1.0}, answers={1: (~right, right)}),
    ]
    samples = _samples(sets, "test/acc")
    assert [sample.answers[1].rows.tolist() for sample in samples] == [
        [[True], [True]],
        [[False], [False]],
    ]
    found = _content(sets, samples, compare(samples, 0.0005), "test/acc", ACC)
    content = json.loads(json_text(found))
    assert (content["metric"], content["best"]) == ("test/acc", "max")
    assert content["looks_at_test"] == counted([])
    assert content["groups"][0] == {
        "name": "a", "runs": {"1": "version_1"}, "values": {"1": 0.5}, "n": 1, "mean": 0.5,
        "sd": None, "low": None, "high": None, "smallest": 0.5, "largest": 0.5,
    }  # fmt: skip
    (found,) = content["comparisons"]
    assert (found["effect"], found["distinguishable"], found["images"]["only_first"]) == (
        None,
        False,
        2,
    )
    assert found["sentence"].startswith("b minus a is 50.00 points, from single runs")


@pytest.mark.parametrize(
    ("metric", "machine", "noted"),
    [("fit_s", "b", True), ("fit_s", "a", False), ("val/acc", "b", False)],
)
def test_seconds_of_other_machines_are_noted(tmp_path, capsys, metric, machine, noted) -> None:
    sets = [group(tmp_path, "x", {1: 0.5}), group(tmp_path, "y", {1: 0.5}, machines=machine)]
    _samples(sets, metric)
    text = "note: seconds on different machines are compared: a / b\n"
    assert capsys.readouterr().err == text * noted


def test_runs_of_other_test_images_are_refused(tmp_path: Path) -> None:
    first, other = np.array([1, 2]), np.array([1, 3])
    sets = [
        group(tmp_path, name, {1: 0.5}, answers={1: (first, label)})
        for name, label in (("x", first), ("y", other))
    ]
    with pytest.raises(ValueError, match="tested on different samples: nothing can be compared"):
        _samples(sets, "test/acc")
    assert [sample.answers for sample in _samples(sets, "val/acc")] == [{}, {}]


VAL = Metric("val/acc", "max", "percent")


def judged(name: str, metric: Metric | str) -> SimpleNamespace:
    """Stand in for a group that is judged by a metric."""
    return SimpleNamespace(name=name, metric=lambda asked: metric)


def test_groups_are_compared_by_one_metric() -> None:
    assert _metric([judged("a", VAL), judged("b", VAL)], None) == VAL
    assert _metric([judged("a", "val/acc"), judged("b", VAL)], "val/acc") == VAL
    assert _metric([judged("a", "x"), judged("b", "x")], "x") == "x"
    old = Metric("val/acc", "max")  # recorded before formats were
    for pair in ([old, VAL], [VAL, old], ["val/acc", VAL]):
        assert _metric([*map(judged, "ab", pair)], None) == VAL


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (Metric("val/rmse", "min"), "a by val/acc (max), b by val/rmse (min)"),
        (Metric("val/acc", "min"), "a by val/acc (max), b by val/acc (min)"),
        ("val/f1", "a by val/acc (max), b by val/f1"),
    ],
)
def test_groups_of_different_metrics_are_refused(other: Metric | str, told: str) -> None:
    said = re.escape(f"these are not judged by one metric: {told}; give --metric")
    with pytest.raises(ValueError, match=f"^{said}$"):
        _metric([judged("a", VAL), judged("b", other)], None)


@pytest.mark.parametrize(
    ("words", "metric", "said"),
    [
        ([], "test/acc", "is better than"),
        (["--metric=test/loss"], "test/loss", "is better than"),
        (["--metric=val/loss_best"], "val/loss_best", "is better than"),
        (["--metric=train/lr"], "train/lr", "is higher than"),
        (["--metric=fit_s"], "fit_s", "is better than"),
        (["--metric=train/samples_per_s"], "train/samples_per_s", "is better than"),
    ],
)
def test_metric_is_the_headline_or_the_one_that_is_named(
    finished: Train, capsys, words: list[str], metric: str, said: str
) -> None:
    finished("--trainer.max_epochs=1")
    for version in range(6):  # the second group has the larger figures, whatever they are
        copy = Path(f"lightning_logs/version_{version}")
        if version:
            shutil.copytree("lightning_logs/version_0", copy)
        run = json.loads((copy / "run.json").read_text())
        run |= {"group": "ab"[version % 2], "seed": version // 2}
        (copy / "run.json").write_text(json.dumps(run))
        value = 0.1 + version % 2 / 4 + version**2 / 1000
        (copy / "metrics.json").write_text(json.dumps({"steps": 11, "fit_s": 1.0, metric: value}))
        (copy / "predictions.npz").unlink(missing_ok=True)
    capsys.readouterr()
    main(["a", "b", *words])
    text = capsys.readouterr().out
    assert text.startswith(metric)
    best = "a" if metric in ("test/loss", "val/loss_best", "fit_s") else "b"
    unit = {"test/acc": "25.50 points", "fit_s": "0.26 s"}.get(metric, "0.2550")
    other = "b" if best == "a" else "a"
    assert f"\n{best} {said} {other} by {unit}, 95%" in text


def finished_group(name: str, *values: float) -> None:
    """Write finished runs with a test accuracy and their looks."""
    for seed, value in enumerate(values):
        version = len([*Path("lightning_logs").glob("version_*")])
        folder = Path(f"lightning_logs/version_{version}")
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("seed_everything: 1\n")
        metrics = {"test/acc": {"mode": "max", "format": "percent"}}
        about = {"group": name, "seed": seed, "began": "3000-01-01", "config": name}
        (folder / "run.json").write_text(json.dumps(about | {"headline": None, "metrics": metrics}))
        (folder / "metrics.json").write_text(json.dumps({"steps": 1, "test/acc": value}))


PLANNED = ["--metric=test/acc", "--better=higher", "--seeds=3"]


def test_claim_is_written_before_the_runs_and_judged_after_them(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["a", "b", "--claim", "b beats a by 0.1", *PLANNED])
    file = "claims/b-beats-a-on-test-acc.json"
    assert f"file           {file}" in capsys.readouterr().out
    content = json.loads(Path(file).read_text())
    expected = {"margin": 0.1, "mode": "max", "seeds": 3, "alpha": 0.05, "metric": "test/acc"}
    assert content.items() >= expected.items()
    finished_group("a", 0.5, 0.6, 0.55)
    finished_group("b", 0.6, 0.7, 0.66)
    main(["a", "b", "--metric=test/acc"])
    text = capsys.readouterr().out
    assert (
        "\nplan           kept\nverdict        holds; 3 of 3 seeds: the gain of b over a is "
        in text
    )
    main(["a", "b", "--metric=steps", "--format=json"])
    (told,) = json.loads(capsys.readouterr().out)["claims"]
    assert told.startswith("claim          not judged, for this compares steps: b beats a by 0.1")
    code, line = refusal_of(capsys, lambda: main(["a", "b", "--claim", "b beats a by 1", *PLANNED]))
    assert (code, line) == (2, "error: a has runs already: a claim comes before them")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--claim=b beats c by 1", *PLANNED], "--claim is on c and b: give these two"),
        (["--claim=b beats a by 1", "--seeds=3"], "a claim needs --metric, such as test/acc"),
        (["--claim=b beats a by 1", *PLANNED[::2]], "a claim says which test/acc is better"),
        (["--claim=b beats a by 1", *PLANNED, "--seeds=1"], "a claim needs --seeds, at least 2"),
        (["--claim=a beats b by 1", "--metric=fit_s", *PLANNED[1:]], "of fit_s the lowest is best"),
        (["--seeds=3"], "--seeds and --alpha are of a claim: give --claim, too"),
    ],
)
def test_claim_that_says_too_little_is_refused(
    tmp_path: Path, monkeypatch, capsys, words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, line = refusal_of(capsys, lambda: main(["a", "b", *words]))
    assert (code, told in line) == (2, True)
    assert not Path("claims").exists()


@pytest.mark.parametrize(
    ("better", "said"), [("lower", "a is better than b by"), ("higher", "b is better than a by")]
)
def test_user_says_which_value_is_better_where_nobody_has(
    tmp_path: Path, monkeypatch, capsys, better: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, values in {"a": (0.5, 0.6, 0.55), "b": (0.6, 0.7, 0.66)}.items():
        finished_group(name, *values)
    for file in Path().glob("lightning_logs/*/metrics.json"):
        file.write_text(file.read_text().replace("test/acc", "test/x"))
    main(["a", "b", "--metric=test/x", f"--better={better}"])
    assert f"\n{said} 0.1033, 95%" in capsys.readouterr().out
    wrong = ["a", "b", "--metric=steps", "--better=lower"]
    main(wrong)  # of which neither is better, unless somebody says so
    finished_group("c", 0.5)
    code, line = refusal_of(
        capsys, lambda: main(["c", "version_0", "--metric=test/acc", "--better=lower"])
    )
    assert (code, line) == (2, "error: --better lower: of test/acc the highest is best")
