"""Take the pictures of the README from the run `last`: `python -m tests.screenshots`."""

import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By

DOCS = Path(__file__).parents[1] / "docs"
SIZE = (1100, 800)
THREE = [(-70, -90), (-20, -120), (40, -110), (60, -70), (40, -20), (-10, 0)]
THREE += [(45, 15), (70, 65), (40, 115), (-20, 125), (-75, 95)]


@contextmanager
def server(*words: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *words])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def open_page(browser: Chrome, address: str) -> None:
    for _ in range(60):
        try:
            browser.get(address)
            return
        except Exception:
            time.sleep(1)
    raise TimeoutError(address)


def save(browser: Chrome, name: str) -> None:
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    picture.quantize(64).save(DOCS / f"{name}.png", optimize=True)


def draw_three(browser: Chrome) -> None:
    canvas = browser.find_element(By.TAG_NAME, "canvas")
    drawing = ActionChains(browser, duration=30)
    drawing.move_to_element_with_offset(canvas, *THREE[0]).click_and_hold()
    for point in THREE[1:]:
        drawing.move_to_element_with_offset(canvas, *point)
    drawing.release().perform()
    time.sleep(1)


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("headless", "no-sandbox", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--window-size={SIZE[0]},{SIZE[1]}")
    runs = sorted(map(str, Path("checkpoints").glob("version_*")))[-2:]
    browser = Chrome(options, ChromeService(shutil.which("chromedriver")))
    size = {"width": SIZE[0], "height": SIZE[1], "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "report.html"
            subprocess.run([sys.executable, "-m", "src.report", *runs, "--out", page], check=True)
            open_page(browser, page.as_uri())
            browser.execute_script("document.getElementById('classes').scrollIntoView()")
            save(browser, "report")
        with server("src.demo", "last", "--port=8123"):
            open_page(browser, "http://127.0.0.1:8123")
            draw_three(browser)
            save(browser, "demo")
        with server("tensorboard.main", "--logdir=lightning_logs", "--port=8124"):
            shown = "darkMode=false&tagFilter=confusion%7Cmistakes"
            open_page(browser, f"http://127.0.0.1:8124/?{shown}#timeseries")
            time.sleep(10)
            browser.find_element(By.XPATH, "//button[contains(., 'Settings')]").click()
            time.sleep(3)
            save(browser, "tensorboard")
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
