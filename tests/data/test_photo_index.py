import os
import sys
from pathlib import Path

import pytest

from src.data.photo_index import Photo, PhotoIndex
from tests.data.photo_folders import photo, photo_folder


def names(root: Path) -> list[str]:
    return [each.name for each in PhotoIndex.find(root).photos]


def sizes(root: Path) -> dict[str, int]:
    index = PhotoIndex.find(root)
    return {name: len(photos) for name, photos in index.divide(index.photos).items()}


def test_classes_come_from_all_splits_together(tmp_path: Path) -> None:
    photo_folder(tmp_path, 1)
    photo(tmp_path / "validation/dog/a.png")
    photo(tmp_path / "test/ant/a.png")
    index = PhotoIndex.find(tmp_path)
    assert index.classes == ("ant", "cat", "dog")
    assert [each.split for each in index.photos if each.label != "cat"] == ["test", "train", "val"]


def test_what_systems_leave_is_passed_over(tmp_path: Path) -> None:
    photo_folder(tmp_path, 1)
    for name in (".DS_Store", "cat/._0.jpg", "cat/Thumbs.db", "cat/.thumbnails/a.jpg"):
        path = tmp_path / "train" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    photo(tmp_path / "train/.hidden/a.jpg")
    assert PhotoIndex.find(tmp_path).classes == ("cat", "dog")
    assert names(tmp_path) == ["train/cat/0.png", "train/dog/0.png"]


def test_capitals_spaces_and_umlauts_are_names(tmp_path: Path) -> None:
    photo(tmp_path / "train/Röcke kurz/Foto 1 ü.JPG")
    photo(tmp_path / "train/Ro\u0308cke lang/b.Png")
    index = PhotoIndex.find(tmp_path)
    assert index.classes == ("Röcke kurz", "Röcke lang")
    assert [(index.base / each.name).exists() for each in index.photos] == [True, True]


def test_names_of_old_letters_can_be_written(tmp_path: Path) -> None:
    photo_folder(tmp_path, 1)
    photo(tmp_path / os.fsdecode(b"train/R\xf6cke/\xfc.png"), 9)
    index = PhotoIndex.find(tmp_path)
    assert index.classes == ("R\\udcf6cke", "cat", "dog")
    assert all((tmp_path / each.name).exists() for each in index.photos)


def test_link_that_leads_back_ends(tmp_path: Path) -> None:
    photo_folder(tmp_path, 1)
    (tmp_path / "train/cat/again").symlink_to(tmp_path / "train")
    (tmp_path / "train/dog/lost").symlink_to("nowhere")
    (tmp_path / "train/emu").symlink_to(tmp_path / "train/dog")
    assert names(tmp_path) == ["train/cat/0.png", "train/dog/0.png", "train/emu/0.png"]


def test_folders_in_a_class_are_one_class(tmp_path: Path, capsys) -> None:
    photo_folder(tmp_path, 1)
    photo(tmp_path / "train/top/shirt/a.png")
    photo(tmp_path / "train/top/dress/a.png")
    assert PhotoIndex.find(tmp_path).classes == ("cat", "dog", "top")
    assert "the 2 folders in" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["train/cat/notes.txt", "train/loose.jpg", "a.png", "emu/a.png"])
def test_what_is_in_no_class_is_told(tmp_path: Path, capsys, name: str) -> None:
    photo_folder(tmp_path, 1)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert len(names(tmp_path)) == 2
    told = name.removesuffix("/a.png")  # a folder beside those of the splits
    assert f"in the folder of a class: {told}\n" in capsys.readouterr().err


def test_folders_of_splits_go_by_their_usual_names(tmp_path: Path) -> None:
    for folder in ("Training", "Valid", "TEST"):
        photo(tmp_path / folder / "cat/a.png")
        photo(tmp_path / folder / "dog/a.png")
    assert sizes(tmp_path) == {"train": 2, "val": 2, "test": 2}


def test_photos_of_each_class_alone_are_divided(tmp_path: Path) -> None:
    photo_folder(tmp_path, 20).joinpath("train").rename(tmp_path / "photos")
    assert sizes(tmp_path / "photos") == {"train": 32, "val": 4, "test": 4}


def test_missing_splits_take_a_tenth_of_each_class(tmp_path: Path) -> None:
    assert sizes(photo_folder(tmp_path / "one", 20)) == {"train": 32, "val": 4, "test": 4}
    folder = photo_folder(tmp_path / "two", 20, ("train", "val"))
    assert sizes(folder) == {"train": 36, "val": 40, "test": 4}
    folder = photo_folder(tmp_path / "all", 20, ("train", "val", "test"))
    assert sizes(folder) == {"train": 40, "val": 40, "test": 40}


def test_new_photos_hardly_move_the_others(tmp_path: Path) -> None:
    index = PhotoIndex.find(photo_folder(tmp_path, 20))
    before = {each.name for each in index.divide(index.photos)["test"]}
    photo(tmp_path / "train/cat/new.png")
    index = PhotoIndex.find(tmp_path)
    after = {each.name for each in index.divide(index.photos)["test"]}
    assert len(before & after) >= len(before) - 1


def test_class_with_one_photo_is_trained_on(tmp_path: Path, capsys) -> None:
    photo_folder(tmp_path, 20)
    photo(tmp_path / "train/emu/a.png")
    index = PhotoIndex.find(tmp_path)
    splits = index.divide(index.photos)
    assert {name: "emu" in {each.label for each in splits[name]} for name in splits} == {
        "train": True,
        "val": False,
        "test": False,
    }
    assert "one is left to train on: emu" in capsys.readouterr().err


def test_empty_class_is_refused(tmp_path: Path) -> None:
    (photo_folder(tmp_path) / "train/emu").mkdir()
    index = PhotoIndex.find(tmp_path)
    with pytest.raises(ValueError, match="no photo to train on of emu"):
        index.divide(index.photos)


def test_csv_lists_photos_classes_and_splits(tmp_path: Path) -> None:
    file = tmp_path / "photos.csv"
    file.write_text("path,label,split\nb/1.jpg,1,train\na 2.jpg,0,validation\n", "utf-8-sig")
    index = PhotoIndex.find(file)
    assert (index.base, index.classes) == (tmp_path, ("0", "1"))
    assert index.photos == [Photo("a 2.jpg", "0", "val"), Photo("b/1.jpg", "1", "train")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,class\na,b\n", "must have the columns path and label"),
        ("path,label\na.jpg,\n", "line 2: must have"),
        ("path,label\na.jpg,x\na.jpg,y\n", "line 3: must have a path that no other"),
        ("path,label,split\na.jpg,x,dev\n", "line 2: .*test as its split"),
        ("path,label\na.jpg,x\n", "photos of 1 classes"),
    ],
)
def test_wrong_csv_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "photos.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        PhotoIndex.find(file)


def test_parquet_lists_the_same(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"path": ["b/1.jpg", "a.jpg"], "label": [1, 0], "split": [None, "valid"]}
    file = tmp_path / "photos.parquet"
    parquet.write_table(pyarrow.table(columns), file)
    index = PhotoIndex.find(file)
    assert (index.base, index.classes) == (tmp_path, ("0", "1"))
    assert [photo[:3] for photo in index.photos] == [
        ("a.jpg", "0", "val"),
        ("b/1.jpg", "1", "train"),
    ]
    parquet.write_table(pyarrow.table(columns | {"label": [1, None]}), file)
    with pytest.raises(ValueError, match="row 2: must have a path"):
        PhotoIndex.find(file)
    file.write_text("x")
    with pytest.raises(ValueError, match=r"photos.parquet is no Parquet file"):
        PhotoIndex.find(file)


def test_parquet_without_its_reader_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "photos.parquet").touch()
    with pytest.raises(ValueError, match=r"read by pyarrow: pip install -e \"\.\[parquet\]\""):
        PhotoIndex.find(tmp_path / "photos.parquet")


def test_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder and no"):
        PhotoIndex.find(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="photos of 0 classes"):
        PhotoIndex.find(tmp_path)
    with pytest.raises(ValueError, match="has test but no train"):
        PhotoIndex.find(photo_folder(tmp_path, 1, ("test",)))


def test_splits_without_any_photo_are_refused(tmp_path: Path) -> None:
    index = PhotoIndex.find(photo_folder(tmp_path, 1))
    with pytest.raises(ValueError, match="no photo is left for val and test"):
        index.divide(index.photos)


def test_broken_line_of_a_list_is_named(tmp_path: Path) -> None:
    (tmp_path / "photos.csv").write_text(f"path,label\na.jpg,x\n{'b' * 200_000},y\n")
    with pytest.raises(ValueError, match=r"photos.csv, after line 2: field larger than"):
        PhotoIndex.find(tmp_path / "photos.csv")
