from src.engine.console.table import entries, table


def test_columns_are_aligned() -> None:
    rows = [["run", "seconds", "group"], ["version_10", 7.5, ""], ["version_9", 12, "x"]]
    assert table(rows, "lr").splitlines() == [
        "run         seconds  group",
        "version_10      7.5",
        "version_9        12  x",
    ]


def test_texts_that_look_like_numbers_stay_as_they_are() -> None:
    assert table([["1e5", "+5"], ["007", "nan"]]) == "1e5  +5\n007  nan"


def test_name_and_text_stand_in_the_columns_of_other_lines() -> None:
    assert entries({"run": 5, "none": "", "zero": 0}) == "run            5\nzero           0"
    assert entries([("a", 1), ("a", 2)], width=2) == "a   1\na   2"
    assert entries({"a name of 18 parts": "x"}) == "a name of 18 parts  x"


def test_text_from_elsewhere_stays_in_its_cell() -> None:
    hostile = "a\x1b[2J\nb"
    assert table([[hostile, "c"]]) == r"a\x1b[2J\nb  c"
    assert entries({hostile: hostile}, 1) == r"a\x1b[2J\nb  a\x1b[2J\nb"


def test_wide_cells_are_cut_and_texts_are_not() -> None:
    assert len(table([["x" * 5000]])) == 1000
    assert len(entries({"": "x" * 5000}, 0)) == 5002
