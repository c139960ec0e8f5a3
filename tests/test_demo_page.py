"""The page of the demo in a real browser."""

import base64
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from src.data import MNISTDataModule
from src.deployment.classifier import Classifier
from src.deployment.demo_page import demo_page
from src.deployment.demo_server import DemoServer
from src.deployment.recogniser import Recogniser
from src.models import CNN

pytestmark = pytest.mark.browser
NAMES = MNISTDataModule.class_names


@pytest.fixture
def page(browser: Chrome) -> Iterator[DemoServer]:
    """Open the page, and check at the end that the browser complained about nothing."""
    torch.manual_seed(0)
    classifier = Classifier(CNN(), 0.1307, 0.3081).eval()
    recognise = Recogniser(classifier, MNISTDataModule.from_picture, NAMES)
    with DemoServer("127.0.0.1", 0, demo_page("MNIST", "untrained", NAMES), recognise) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        browser.get(server.url)
        wait_for(browser, "blank")
        yield server
        complaints = browser.get_log("browser")
        browser.get("about:blank")
        server.shutdown()
        thread.join()
    assert not complaints


def wait_for(browser: Chrome, state: str) -> None:
    WebDriverWait(browser, 20).until(
        lambda _: browser.find_element(By.TAG_NAME, "body").get_attribute("data-state") == state
    )


def draw(browser: Chrome, *moves: tuple[int, int]) -> dict[str, float]:
    canvas = browser.find_element(By.TAG_NAME, "canvas")
    pen = ActionChains(browser, duration=20).move_to_element_with_offset(canvas, *moves[0])
    pen.click_and_hold()
    for move in moves[1:]:
        pen.move_by_offset(*move)
    pen.release().perform()
    wait_for(browser, "ready")
    rows = browser.find_elements(By.TAG_NAME, "li")
    shares = [float(row.get_attribute("data-probability")) for row in rows]
    return dict(zip(NAMES, shares, strict=True))


def test_page_says_what_the_server_says(browser: Chrome, page: DemoServer) -> None:
    shown = draw(browser, (0, -80), (0, 80), (0, 80))
    picture = browser.execute_script("return document.querySelector('canvas').toDataURL()")
    answer = page.recognise(base64.b64decode(picture.partition(",")[2]))
    assert shown == pytest.approx(answer["probabilities"], abs=1e-6)
    assert sum(shown.values()) == pytest.approx(1, abs=1e-5)
    assert browser.find_element(By.ID, "prediction").text == answer["prediction"]
    assert browser.find_element(By.CSS_SELECTOR, "figure img").is_displayed()


def test_more_strokes_change_the_answer(browser: Chrome, page: DemoServer) -> None:
    first = draw(browser, (0, -80), (0, 160))
    assert draw(browser, (-80, 0), (160, 0)) != first


@pytest.mark.parametrize("how", ["click", "Enter", "Escape"])
def test_clearing_invites_again(browser: Chrome, page: DemoServer, how: str) -> None:
    draw(browser, (0, -80), (0, 160))
    button = browser.find_element(By.ID, "clear")
    if how == "click":
        button.click()
    else:
        button.send_keys({"Enter": "\ue007", "Escape": "\ue00c"}[how])
    wait_for(browser, "blank")
    assert browser.find_element(By.ID, "share").text == "draw a digit"
    assert not browser.find_element(By.ID, "prediction").is_displayed()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture = Image.new("RGB", (900, 300), "white")
    picture.paste("black", (430, 50, 470, 250))
    picture.save(tmp_path / "a photo.jpg")
    return tmp_path / "a photo.jpg"


def test_chosen_picture_is_answered(browser: Chrome, page: DemoServer, photo: Path) -> None:
    browser.find_element(By.TAG_NAME, "input").send_keys(str(photo))
    wait_for(browser, "ready")
    canvas = browser.find_element(By.TAG_NAME, "canvas")
    assert (canvas.get_property("width"), canvas.get_property("height")) == (400, 133)
    picture = browser.execute_script("return document.querySelector('canvas').toDataURL()")
    answer = page.recognise(base64.b64decode(picture.partition(",")[2]))
    assert browser.find_element(By.ID, "prediction").text == answer["prediction"]
    draw(browser, (0, -80), (0, 160))  # on new paper
    assert canvas.get_property("height") == 400


def test_file_that_is_no_picture_is_said(browser: Chrome, page: DemoServer, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    browser.find_element(By.TAG_NAME, "input").send_keys(str(tmp_path / "a.png"))
    said = browser.find_element(By.ID, "share")
    WebDriverWait(browser, 20).until(lambda _: "cannot read" in said.text)


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_picture_may_be_brought_in(browser: Chrome, page: DemoServer, kind: str) -> None:
    script = """
    const [kind, done] = arguments, canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [50, 20];
    canvas.getContext("2d").fillRect(5, 5, 3, 9);
    canvas.toBlob((blob) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([blob], "a.png", { type: "image/png" }));
      dispatchEvent(kind === "drop" ? new DragEvent(kind, { dataTransfer })
        : new ClipboardEvent(kind, { clipboardData: dataTransfer }));
      done();
    });"""
    browser.execute_async_script(script, kind)
    wait_for(browser, "ready")
    assert browser.find_element(By.TAG_NAME, "canvas").get_property("width") == 50


def ink(browser: Chrome) -> int:
    """Count the dark pixels of the drawing."""
    return browser.execute_script(
        "const c = document.querySelector('canvas'), d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data;"
        "return d.reduce((sum, level, at) => sum + (at % 4 == 0 && level < 128), 0);"
    )


def test_click_draws_a_dot(browser: Chrome, page: DemoServer) -> None:
    canvas = browser.find_element(By.TAG_NAME, "canvas")
    ActionChains(browser).move_to_element(canvas).click().perform()
    radius = 400 / 13 / 2
    assert ink(browser) == pytest.approx(3.14 * radius**2, rel=0.1)


@pytest.mark.parametrize("how", ["Ctrl+Z", "button"])
def test_strokes_are_undone_one_by_one(browser: Chrome, page: DemoServer, how: str) -> None:
    button = browser.find_element(By.ID, "undo")
    assert not button.is_enabled()
    draw(browser, (0, -80), (0, 160))
    one = ink(browser)
    draw(browser, (-80, 0), (160, 0))
    browser.find_element(By.ID, "clear").click()
    seen = [ink(browser)]
    while button.is_enabled():
        if how == "button":
            button.click()
        else:
            ActionChains(browser).key_down("\ue009").send_keys("z").key_up("\ue009").perform()
        seen.append(ink(browser))
    assert seen[:1] + seen[2:] == [0, one, 0]
    assert seen[1] > one


def test_keyboard_draws(browser: Chrome, page: DemoServer) -> None:
    canvas = browser.find_element(By.TAG_NAME, "canvas")
    browser.execute_script("document.querySelector('#choose').focus()")
    ActionChains(browser).send_keys("\ue004").perform()  # from the last button
    assert browser.switch_to.active_element == canvas
    assert browser.find_element(By.ID, "nib").is_displayed()
    ActionChains(browser).send_keys("\ue013" * 8 + " " + "\ue015" * 16 + " \ue014").perform()
    wait_for(browser, "ready")
    assert ink(browser) == pytest.approx(160 * 400 / 13, rel=0.25)  # a line of 160 px
    ActionChains(browser).send_keys("\ue014" * 5).perform()  # the pen is lifted
    assert ink(browser) == pytest.approx(160 * 400 / 13, rel=0.25)


@pytest.mark.parametrize("width", [390, 1100])
def test_layout_stays_when_an_answer_comes(browser: Chrome, page: DemoServer, width: int) -> None:
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    places = "return [...document.querySelectorAll('canvas, .card, ol, li, footer')].map("
    places += (
        "(one) => { const b = one.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })"
    )
    before = browser.execute_script(places)
    draw(browser, (0, -80), (0, 80), (0, 80))
    assert browser.execute_script(places) == before
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_reason_of_a_refusal_is_shown(browser: Chrome, page: DemoServer) -> None:
    draw(browser, (-120, -80), (0, 160))
    pen = ActionChains(browser, duration=20)
    pen.move_to_element_with_offset(browser.find_element(By.TAG_NAME, "canvas"), 120, -80)
    pen.click_and_hold().move_by_offset(0, 160).release().perform()
    wait_for(browser, "blank")
    assert browser.find_element(By.ID, "share").text == "more than one digit (2 found)"


def test_page_of_photos_has_no_pen(browser: Chrome, page: DemoServer) -> None:
    page.page = demo_page("Photos", "", NAMES, drawn=False).encode()
    browser.get(page.url)
    canvas = browser.find_element(By.TAG_NAME, "canvas")
    ActionChains(browser).move_to_element(canvas).click().perform()
    assert (ink(browser), canvas.get_attribute("tabindex")) == (0, None)
    assert browser.find_element(By.ID, "share").text == "drop, paste or choose a picture"
