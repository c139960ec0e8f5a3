import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from src import demo, label_errors, predict, runs
from src.compare import main as compare
from src.engine import Metric
from src.evaluate import main as evaluate
from src.report import main as report
from src.tasks import LanguageModelTask
from src.tasks.language_model import LossAndPerplexity
from tests.conftest import Train
from tests.test_train import refusal_of

CONFIG = Path(__file__).parents[2] / "configs" / "language_model.yaml"


class Even(nn.Module):
    """Gives all of eight tokens the same chance, but the token 3 twice that."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(8))
        with torch.no_grad():
            self.bias[3] = math.log(2)

    def forward(self, token: torch.Tensor) -> torch.Tensor:
        assert token.dtype == torch.int64
        return self.bias.expand(*token.shape, 8)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    text = b"".join(b"%d is a number, and so is %d.\n" % (i, i * i) for i in range(300))
    (tmp_path / "text.txt").write_bytes(text)
    network = ("width=8", "depth=1", "heads=2")
    data = ("file=text.txt", "length=16", "eval_batch_size=7")
    return [
        f"--config={CONFIG}",
        *(f"--model.network.{word}" for word in network),
        "--data=TextDataModule",
        *(f"--data.{word}" for word in data),
    ]


def test_headline_is_perplexity_and_less_is_better() -> None:
    assert LanguageModelTask.headline == Metric("perplexity", "min")
    assert LanguageModelTask.kind == "language"


def test_loss_is_that_of_the_next_token() -> None:
    task = LanguageModelTask(Even())
    target = torch.tensor([[3, 0, 1], [3, 3, 2]])
    loss = task.training_step((torch.zeros_like(target), target), 0).item()
    assert loss == pytest.approx(math.log(9) - 3 / 6 * math.log(2))


def test_test_tells_the_loss_of_each_token() -> None:
    task = LanguageModelTask(Even())
    target = torch.tensor([[3, 0, 1], [3, 3, 2]])
    outputs = task.test_step((torch.zeros_like(target), target), 0)
    expected = torch.where(target == 3, math.log(4.5), math.log(9))
    torch.testing.assert_close(outputs["token_loss"].float(), expected, rtol=1e-3, atol=1e-3)
    assert torch.equal(outputs["token"], target.int())


def test_perplexity_is_of_all_tokens() -> None:
    metric = LossAndPerplexity()
    metric.update(torch.tensor(1.0), torch.empty(0), torch.zeros(2, 5))
    metric.update(torch.tensor(4.0), torch.empty(0), torch.zeros(1, 5))
    found = {name: value.item() for name, value in metric.compute().items()}
    expected = {"loss": 2.0, "perplexity": math.exp(2), "bits": 2 / math.log(2)}
    assert found == pytest.approx(expected)


def test_text_is_evaluated_and_shown(train: Train, words: list[str], capsys, monkeypatch) -> None:
    metrics = train(*words, "--trainer.max_epochs=1")
    evaluate(["last"])
    told = capsys.readouterr().out
    assert f"\ntest/perplexity  {metrics['test/perplexity']:.6g}\n" in told
    assert "\nsample 1       " in told
    evaluate(["last", "--split=val", "--out=here"])
    found = json.loads(Path("here/summary.json").read_text())
    assert found["measured"]["bits"] == pytest.approx(found["metrics"]["val/bits"], rel=1e-3)
    monkeypatch.setattr("src.report._default", dict)
    report(["last"])
    page = Path("report.html").read_text()
    assert page.count("<img") == 1
    assert '<th scope="row">sample 2</th>' in page


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read"), (b"", "has 0 bytes"), (b"x" * 300, "needs")]
)
def test_text_of_no_use_is_refused_in_one_line(
    train: Train, words: list[str], capsys, content, reason: str
) -> None:
    Path("text.txt").unlink() if content is None else Path("text.txt").write_bytes(content)
    with pytest.raises(SystemExit) as stop:
        train(*words)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert (stop.value.code, len(said)) == (2, 1)
    assert reason in said[0]


def test_run_ends_at_a_low_enough_perplexity_and_runs_are_compared_by_it(
    train: Train, words: list[str], capsys
) -> None:
    reached = train(*words, "--trainer.max_epochs=5", "--target=val/perplexity<=200")
    assert reached["to_target_steps"] < reached["steps"] * 2
    train(*words, "--trainer.max_epochs=1", "--model.optimizer.lr=1e-5")
    runs.main(["ls"])
    assert "val/perplexity" in capsys.readouterr().out
    compare(["version_0", "version_1", "--format=json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["metric"], told["best"]) == ("test/perplexity", "min")


def test_commands_for_images_refuse_a_language_model(
    train: Train, words: list[str], capsys
) -> None:
    train(*words, "--trainer.max_epochs=1", "--trainer.limit_train_batches=2")
    before = sorted(Path().rglob("*"))
    for verb in (predict, demo, label_errors):
        more = ["x.png"] if verb is predict else []
        code, line = refusal_of(capsys, lambda verb=verb, more=more: verb.main(["last", *more]))
        assert code == 2
        assert 'holds LanguageModelTask, which is of the kind "language"' in line
    assert sorted(Path().rglob("*")) == before
