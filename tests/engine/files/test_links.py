from pathlib import Path

import pytest

from src.engine.files.links import refuse_links


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "inner").mkdir(parents=True)
    (folder / "file").touch()
    return folder


def test_links_that_stay_inside_are_served(folder: Path) -> None:
    (folder / "inner" / "last.ckpt").symlink_to("../file")
    (folder / "to_come").symlink_to(folder / "inner" / "new")
    (folder / "loop").symlink_to("loop")
    refuse_links(folder, folder / "missing")


def test_way_to_the_folder_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(tmp_path, target_is_directory=True)
    (folder / "last.ckpt").symlink_to(folder / "file")
    refuse_links(tmp_path / "way" / "run")


@pytest.mark.parametrize("target", ["..", "../outside", "../run_2/x", "/missing/x"])
@pytest.mark.parametrize("name", ["x.txt", "inner/x.txt"])
def test_link_out_of_the_folder_is_refused(folder: Path, name: str, target: str) -> None:
    (folder / name).symlink_to(folder / target)
    with pytest.raises(ValueError, match=rf"{name} is a link to another folder.*: remove the"):
        refuse_links(folder)


def test_folder_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    with pytest.raises(ValueError, match="link is a link to another folder"):
        refuse_links(tmp_path / "link")
