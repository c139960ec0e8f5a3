from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_example_of_a_model_is_the_one_that_is_tested() -> None:
    code = (ROOT / "tests" / "one_layer.py").read_text().partition('"""\n\n')[2]
    assert code in (ROOT / "README.md").read_text()
