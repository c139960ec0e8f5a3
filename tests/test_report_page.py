"""The report in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from src.evaluate import main as evaluate
from src.report import main as report
from tests.conftest import Train

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser


@pytest.fixture
def page(train: Train, monkeypatch, browser: "Chrome") -> "Chrome":
    monkeypatch.setattr("src.report._default", lambda: {"trainer.max_epochs": 1})
    for epochs in (1, 2):
        train(f"--trainer.max_epochs={epochs}")
        evaluate(["last"])
    report(["checkpoints/version_0", "checkpoints/version_1"])
    browser.get_log("browser")
    browser.get(Path("report.html").resolve().as_uri())
    return browser


def test_page_is_whole_and_without_errors(page: "Chrome") -> None:
    headings = [heading.text for heading in page.find_elements("tag name", "h2")]
    assert headings[0] == "At a glance"
    assert len(headings) == 8
    loaded = "return [...document.images].every(image => image.naturalWidth > 0)"
    assert page.execute_script(loaded)
    assert page.get_log("browser") == []


@contextmanager
def screen(page: "Chrome", width: int, height: int) -> Iterator[None]:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < height}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_both_runs_stand_side_by_side(page: "Chrome") -> None:
    with screen(page, 1200, 800):
        first, second = page.find_elements("css selector", "#classes .runs > div")
        assert first.location["y"] == second.location["y"]
        assert second.location["x"] > first.location["x"]


def test_phone_needs_no_sideways_scrolling(page: "Chrome") -> None:
    with screen(page, 390, 844):
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
