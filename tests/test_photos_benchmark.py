import json
import sys
from pathlib import Path

import pytest

from benchmarks import photos
from benchmarks.photos import BARE, KEPT, STREAMED, TUTORIAL
from tests.data.photo_folders import photo_folder


def test_rounds_of_photos_are_compared_one_by_one() -> None:
    rates = {BARE: [10.0, 5.0, 1.0], STREAMED: [9.5, 4.6, 9.0], TUTORIAL: [6.0, 4.0, 5.0]}
    assert photos.ratio(rates, STREAMED, BARE) == pytest.approx(0.95)
    assert [holds for _, holds in photos.claims(rates)] == [True, True]
    rates[TUTORIAL] = [7.0, 4.0, 9.0]
    assert [holds for _, holds in photos.claims(rates)] == [True, False]


def test_processor_time_is_counted() -> None:
    before = photos.processor_s()
    while photos.processor_s() == before:
        pass
    assert photos.processor_s() > before


@pytest.mark.slow
def test_photos_are_measured(tmp_path: Path, monkeypatch, capsys) -> None:
    root = photo_folder(tmp_path / "photos", 20)
    words = ["photos", f"--root={root}", "--image_size", "16", "--rounds=1", f"--out={tmp_path}"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(photos, "keep_freed_memory", lambda: None)
    photos.main()
    rates = json.loads((tmp_path / "photos.json").read_text())["images_per_s"]["16"]
    assert {*rates} == {BARE, STREAMED, TUTORIAL, KEPT}
    assert "| streamed |" in (tmp_path / "photos.md").read_text()
