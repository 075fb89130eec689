from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.gender.pictures import folders, picture

from steadyface.errors import DatasetLayoutError, UsageError
from steadyface.evaluation.table import Entry, Table, read_table
from steadyface.training.gender.folders import (
    Example,
    Split,
    check_not_empty,
    people_of,
    read_split,
)


def split(folder: Path, fraction: float | None = None, table: Table | None = None) -> Split:
    return read_split(folder, table or Table(), val_fraction=fraction, seed=3)


def names(examples: tuple[Example, ...]) -> set[str]:
    return {example.path.name for example in examples}


def test_folders_are_parts_where_they_are_there(tmp_path: Path) -> None:
    read = split(folders(tmp_path, train=4, val=2, test=1))
    assert (len(read.train), len(read.val), len(read.test), read.by) == (8, 4, 2, "folders")
    assert {e.path.parent.name: e.female for e in read.train} == {"female": True, "male": False}
    assert split(folders(tmp_path / "more", train=1, val=1)).test == ()


def test_one_folder_is_split_at_random_in_both_classes(tmp_path: Path) -> None:
    folder = folders(tmp_path, all=20)
    read = split(folder, 0.25)
    assert read.by == "image"
    assert len(read.train) + len(read.val) == 40
    assert not names(read.train) & names(read.val)
    assert [sum(e.female == f for e in read.val) for f in (True, False)] == [5, 5]
    again, other = split(folder, 0.25), read_split(folder, Table(), val_fraction=0.25, seed=4)
    assert names(again.val) == names(read.val) != names(other.val)


def test_a_train_folder_alone_is_split_too(tmp_path: Path) -> None:
    read = split(folders(tmp_path, train=10, test=2), 0.2)
    assert (len(read.train), len(read.val), len(read.test)) == (16, 4, 4)


def test_people_named_by_files_stay_together(tmp_path: Path) -> None:
    for person in range(30):
        for number in range(1, 4):
            for gender in ("female", "male"):
                file = (
                    tmp_path
                    / gender
                    / f"Some_{gender}{'abcdefghijklmno'[person % 15]}{person}_000{number}.png"
                )
                picture(file, (person, 0, 0), number)
    read = split(tmp_path, 0.3)
    assert read.by == "identity"
    people = [{e.path.stem[:-5] for e in part} for part in (read.train, read.val)]
    assert not people[0] & people[1]
    assert 0.2 < len(read.val) / 180 < 0.4


def test_people_of_the_table_stay_together(tmp_path: Path) -> None:
    folder = folders(tmp_path, all=12)
    rows = {f"all{g}{n}.png": (f"{g}{n // 3}", ()) for g in ("female", "male") for n in range(12)}
    read = split(folder, 0.5, Table((), rows))
    assert read.by == "identity"
    assert not {e.identity for e in read.train} & {e.identity for e in read.val}
    assert len(read.val) == 12


def test_copies_of_an_image_stay_together(tmp_path: Path) -> None:
    for gender in ("female", "male"):
        for number in range(10):
            for kind in ("", "_foggy", "_noisy"):
                picture(tmp_path / gender / f"{gender}{number}{kind}.png", (9, 9, 9), number)
    read = split(tmp_path, 0.3)
    assert read.by == "image"
    origins = [{e.path.stem.split("_")[0] for e in part} for part in (read.train, read.val)]
    assert not origins[0] & origins[1]


@pytest.mark.parametrize(
    ("files", "people"),
    [
        (("Ann_Lee_0001", "Ann_Lee_0002", "Bob_0001"), ["Ann_Lee", "Ann_Lee", "Bob"]),
        # A name that a counter follows on every file is no person.
        (tuple(f"img_{n}" for n in range(40)), [f"img_{n}" for n in range(40)]),
        # Numbers alone are no names either.
        (("25_0_1_2017", "25_0_1_2018"), ["25_0_1_2017", "25_0_1_2018"]),
    ],
)
def test_who_is_shown_as_file_names_say(files: tuple[str, ...], people: list[str]) -> None:
    examples = [Example(Path(f"{name}.jpg"), True, None, ()) for name in files]
    assert people_of(examples) == people


@pytest.mark.parametrize(
    ("parts", "fraction", "message"),
    [
        ({"train": 2, "val": 2}, 0.2, "{}: has a folder val/; leave --val-fraction out"),
        ({"all": 2}, None, "{}: has no folder val/; give --val-fraction, such as 0.2"),
        ({"all": 2}, 1.0, "val_fraction is 1.0: give more than 0 and less than 1"),
    ],
)
def test_a_fraction_is_given_where_there_is_no_val(
    tmp_path: Path, parts: dict[str, int], fraction: float | None, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        split(folders(tmp_path, **parts), fraction)
    assert str(caught.value) == message.format(tmp_path)


def test_a_class_without_images_is_named(tmp_path: Path) -> None:
    read = split(folders(tmp_path, train=2, val=1))
    women = tuple(e for e in read.val if e.female)
    with pytest.raises(DatasetLayoutError) as caught:
        check_not_empty(Split(read.train, women, (), "folders"), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: no usable male image to choose the epoch by; add some, or give another "
        "--val-fraction"
    )


# --- the table ------------------------------------------------------------------------------------


def test_a_table_is_read_by_path_or_by_name(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("image,age,race,identity\ntrain/female/a.png,old,,Ann\nb.png,young,1,\n")
    table = read_table(file, groups=["age", "race"])
    assert table.of(tmp_path / "train/female/a.png", tmp_path) == Entry(
        "Ann", ("old", "unknown"), "train/female/a.png"
    )
    assert table.of(tmp_path / "any/b.png", tmp_path) == Entry(None, ("young", "1"), "b.png")
    assert table.of(tmp_path / "c.png", tmp_path) == Entry(None, ("unknown", "unknown"), None)
    named = read_table(file, groups=[], identity="age")
    assert named.of(tmp_path / "b.png", tmp_path) == Entry("young", (), "b.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,age\na,1\n", "{}: has no column 'race', it has image, age"),
        ("file,race\na,1\n", "{}: has no column 'image', it has file, race"),
        ("image,race\na,1\na,2\n", "{}: names a 2 times; give one row an image"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(DatasetLayoutError) as caught:
        read_table(file, groups=["race"])
    assert str(caught.value) == message.format(file)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetLayoutError, match=r"none\.csv: cannot be read"):
        read_table(tmp_path / "none.csv", groups=[])
