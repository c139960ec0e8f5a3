import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_example_of_a_model_is_the_one_that_is_tested() -> None:
    assert (ROOT / "tests" / "one_layer.py").read_text() in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_page_links_to_what_is_there(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", (ROOT / page).read_text())
    assert all(((ROOT / page).parent / link).is_file() for link in links)
