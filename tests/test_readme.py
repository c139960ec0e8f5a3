from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_example_of_a_model_is_the_one_that_is_tested() -> None:
    assert (ROOT / "tests" / "one_layer.py").read_text() in (ROOT / "README.md").read_text()
