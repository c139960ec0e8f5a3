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


@pytest.mark.parametrize("width", [390, 1200])
def test_letters_of_the_curves_are_large_enough(page: "Chrome", width: int) -> None:
    with screen(page, width, 844):
        texts = page.find_elements("css selector", ".panels svg text")
        assert texts
        assert min(text.rect["height"] for text in texts) >= 9


def test_command_is_copied_without_a_network(page: "Chrome") -> None:
    button = page.find_element("css selector", "#commands button")
    button.send_keys("\ue007")
    assert (button.text, page.find_element("css selector", "[role=status]").text) == (
        *("Copied", "Copied"),
    )
    wanted = page.find_element("css selector", "#commands code").text
    page.execute_script("document.body.append(document.createElement('textarea'))")
    area = page.find_element("tag name", "textarea")
    area.send_keys("\ue009v")
    assert area.get_property("value") == wanted


def test_page_is_dark_where_that_is_wanted(page: "Chrome") -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    body = page.find_element("tag name", "body")
    ink = page.find_element("css selector", ".panels svg text").value_of_css_property("fill")
    assert body.value_of_css_property("background-color") == "rgba(21, 23, 27, 1)"
    assert ink.replace(" ", "") == "rgb(236,234,228)"
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_keyboard_scrolls_what_is_wide(page: "Chrome") -> None:
    with screen(page, 390, 844):
        page.execute_script("document.querySelector('.scroll table').style.width = '900px'")
        box = page.find_element("css selector", ".scroll")
        box.send_keys("\ue014\ue014\ue014")
        scrolled = "return document.querySelector('.scroll').scrollLeft"
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(page, 5).until(lambda _: page.execute_script(scrolled) > 20)
