"""What may be trained on, and above all what may not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from steadyface.distortions import KINDS
from steadyface.errors import DatasetLayoutError
from steadyface.training.sources import (
    LabelledFace,
    held_back,
    measured_people,
    person_of,
    read_all,
    read_celeba,
    read_lfw,
    read_utkface,
)

READERS = {"celeba10k": read_celeba, "utkface": read_utkface, "lfw": read_lfw}
MEASURED = ("Task_A/val", "Task_B/val", "Task_B/unknown")
#: Which of these fall into the fifth that is held back is fixed for all time.
HELD_BACK = ("1_0_0_0.jpg", "1_0_0_18.jpg")
KEPT = ("1_0_0_1.jpg", "1_0_0_2.jpg", "1_0_0_3.jpg")


def write(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A data folder in which each rule has one image to it."""
    write(
        tmp_path / "celeba10k" / "labels.csv",
        "image,identity,gender,young",
        "1.jpg,7,female,1",
        "2.jpg,8,male,0",
    )
    utkface = [f"{name},30,female,asian" for name in (*HELD_BACK, *KEPT)]
    utkface += ["child.jpg,9,male,white", "ten.jpg,10,male,white"]
    write(tmp_path / "utkface" / "labels.csv", "image,age,gender,race", *utkface)
    people = ["Free_Person", "Paired_One", "Paired_Two", "In_A", "In_B", "Probe_Only", "Stranger"]
    rows = [f"{name}/{name}_0001.jpg,male,train" for name in people]
    rows += [
        "Left_Out/Left_Out_0001.jpg,female,pairs",
        "Free_Person/Free_Person_0002.jpg,male,train",
    ]
    write(tmp_path / "lfw" / "gender.csv", "image,gender,subset", *rows)
    write(
        tmp_path / "lfw" / "pairs.txt",
        "2 1",
        "Paired_One 1 2",
        "Paired_One 1 Paired_Two 1",
        "Paired_Two 1 3",
        "Paired_Two 1 Someone_Else 1",
    )
    for image in (
        "Task_A/train/male/Free_Person_0001.jpg",
        "Task_A/val/male/In_A_0001.jpg",
        "Task_B/val/In_B/In_B_0001.jpg",
        "Task_B/val/In_B/distortion/Probe_Only_0003_noisy.jpg",
        "Task_B/unknown/Stranger_0001_sunny.jpg",
    ):
        write(tmp_path / "facecom_lfw" / image)
    return tmp_path


def names(faces: list[LabelledFace]) -> list[str]:
    return [face.path.name for face in faces]


def test_celeba_is_read_whole_with_identities(small: Path) -> None:
    images = small / "celeba10k" / "images"
    assert list(read_celeba(small)) == [
        LabelledFace(images / "1.jpg", "celeba", True, "7"),
        LabelledFace(images / "2.jpg", "celeba", False, "8"),
    ]


def test_utkface_is_read_from_ten_years_on_without_the_fifth_that_is_held_back(
    small: Path,
) -> None:
    faces = list(read_utkface(small))
    assert names(faces) == [*KEPT, "ten.jpg"]
    assert faces[0] == LabelledFace(
        small / "utkface" / "images" / KEPT[0], "utkface", True, KEPT[0]
    )


def test_lfw_is_read_without_anybody_who_is_measured_on(small: Path) -> None:
    images = small / "lfw" / "images" / "Free_Person"
    assert list(read_lfw(small)) == [
        LabelledFace(images / "Free_Person_0001.jpg", "lfw", False, "Free_Person"),
        LabelledFace(images / "Free_Person_0002.jpg", "lfw", False, "Free_Person"),
    ]


def test_people_who_are_measured_on(small: Path) -> None:
    assert measured_people(small) == {
        *("Paired_One", "Paired_Two", "Someone_Else"),
        *("In_A", "In_B", "Probe_Only", "Stranger"),
    }


def test_all_sources_in_a_fixed_order(small: Path) -> None:
    faces = read_all(small)
    assert faces == [*read_celeba(small), *read_utkface(small), *read_lfw(small)]
    assert faces == read_all(small)


# --- held back ------------------------------------------------------------------------------------


def test_who_is_held_back_never_changes() -> None:
    assert [name for name in (*HELD_BACK, *KEPT) if held_back(name)] == list(HELD_BACK)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_who_is_held_back_is_the_same_in_every_process(seed: str) -> None:
    program = (
        "from steadyface.training.sources import held_back\n"
        "print([i for i in range(200) if held_back(f'{i}.jpg')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed},
    )
    assert done.stdout.strip() == str([i for i in range(200) if held_back(f"{i}.jpg")])


@pytest.mark.parametrize(("share", "expected"), [(5, 0.2), (2, 0.5), (1, 1.0)])
def test_one_in_so_many_is_held_back(share: int, expected: float) -> None:
    kept = sum(held_back(f"{i}.jpg", share) for i in range(5000)) / 5000
    assert kept == pytest.approx(expected, abs=0.03)


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_person_of_a_distorted_copy(kind: str) -> None:
    assert person_of(Path(f"a/Al_Gore_0001_{kind}.jpg")) == "Al_Gore"


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("Al_Gore_0001.jpg", "Al_Gore"),
        ("Ann_Van_Der_Berg_0012.png", "Ann_Van_Der_Berg"),
        ("Foggy_0001_foggy.jpg", "Foggy"),
        ("Joe_foggy_0001.jpg", "Joe_foggy"),
    ],
)
def test_person_of_a_clean_image(name: str, person: str) -> None:
    assert person_of(Path(name)) == person


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("part", MEASURED)
def test_part_that_is_missing(small: Path, part: str) -> None:
    shutil.rmtree(small / "facecom_lfw" / part)
    with pytest.raises(DatasetLayoutError) as caught:
        list(read_lfw(small))
    folder = small / "facecom_lfw" / part
    assert str(caught.value) == f"{folder}: expected images, found none"


def test_missing_pairs_are_an_error(small: Path) -> None:
    (small / "lfw" / "pairs.txt").unlink()
    with pytest.raises(DatasetLayoutError, match=r"pairs\.txt: "):
        list(read_lfw(small))


COLUMNS = {
    "celeba10k/labels.csv": "image, identity, gender",
    "utkface/labels.csv": "image, age, gender",
    "lfw/gender.csv": "image, gender, subset",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_csv_that_is_missing(small: Path, name: str) -> None:
    file = small / name
    file.unlink()
    for read in (READERS[name.split("/", maxsplit=1)[0]], read_all):
        with pytest.raises(DatasetLayoutError) as caught:
            list(read(small))
        assert str(caught.value) == (
            f"{file}: cannot be read (No such file or directory); expected a CSV of labels there"
        )


@pytest.mark.parametrize(
    ("name", "column"), [(n, c) for n, all_ in COLUMNS.items() for c in all_.split(", ")]
)
def test_column_that_is_missing(small: Path, name: str, column: str) -> None:
    file = small / name
    header, *rows = file.read_text(encoding="utf-8").splitlines()
    renamed = ["other" if word == column else word for word in header.split(",")]
    write(file, ",".join(renamed), *rows)
    with pytest.raises(DatasetLayoutError) as caught:
        read_all(small)
    expected = f"{file}: column {column!r} is missing; expected {COLUMNS[name]}"
    assert str(caught.value) == expected


@pytest.mark.parametrize("name", COLUMNS)
def test_empty_csv(small: Path, name: str) -> None:
    (small / name).write_bytes(b"")
    with pytest.raises(DatasetLayoutError, match=r"column 'image' is missing; expected image, "):
        read_all(small)


@pytest.mark.parametrize("label", ["", "Female", "f", "unknown"])
@pytest.mark.parametrize(
    ("name", "row", "image"),
    [
        ("celeba10k/labels.csv", "9.jpg,1,{},1", "9.jpg"),
        ("utkface/labels.csv", "1_0_0_1.jpg,30,{},white", "1_0_0_1.jpg"),
        ("lfw/gender.csv", "New_One/New_One_0001.jpg,{},train", "New_One/New_One_0001.jpg"),
    ],
)
def test_label_that_is_neither_female_nor_male_does_not_pass_for_male(
    small: Path, name: str, row: str, image: str, label: str
) -> None:
    file = small / name
    with file.open("a", encoding="utf-8") as stream:
        stream.write(row.format(label) + "\n")
    with pytest.raises(DatasetLayoutError) as caught:
        read_all(small)
    assert str(caught.value) == f"{file}: {image}: gender is {label!r}; expected female or male"


def test_label_of_an_image_that_is_not_read_does_not_matter(small: Path) -> None:
    with (small / "lfw" / "gender.csv").open("a", encoding="utf-8") as stream:
        stream.write("Left_Out/Left_Out_0002.jpg,,pairs\nIn_A/In_A_0002.jpg,,train\n")
    assert len(list(read_lfw(small))) == 2


@pytest.mark.parametrize(
    ("row", "age"), [("1_0_0_1.jpg,old,male,x", "'old'"), ("1_0_0_1.jpg", "None")]
)
def test_age_that_is_no_number(small: Path, row: str, age: str) -> None:
    file = small / "utkface" / "labels.csv"
    write(file, "image,age,gender,race", row)
    with pytest.raises(DatasetLayoutError) as caught:
        list(read_utkface(small))
    assert str(caught.value) == f"{file}: 1_0_0_1.jpg: age is {age}; expected whole years"


# --- the real folders -----------------------------------------------------------------------------


@pytest.mark.data
def test_nobody_who_is_measured_on_is_trained_on(data: Path) -> None:
    faces = read_all(data)
    trained = {face.identity for face in faces if face.origin == "lfw"}
    words = (data / "lfw" / "pairs.txt").read_text(encoding="utf-8").split()
    measured = {word for word in words if not word.isdigit()}
    part = data / "facecom_lfw"
    measured |= {folder.name for folder in (part / "Task_B" / "val").iterdir()}
    probes = [*(part / "Task_A" / "val").rglob("*.jpg"), *(part / "Task_B").rglob("*.jpg")]
    in_probes = {name for name in trained if any(p.name.startswith(f"{name}_0") for p in probes)}
    assert len(measured) > 4000
    assert len(probes) > 1000
    assert trained
    assert trained & measured == set()
    assert in_probes == set()
    assert {face.path.parent.parent for face in faces if face.origin == "lfw"} == {
        data / "lfw" / "images"
    }


@pytest.mark.data
def test_held_back_fifth_of_utkface_is_a_fifth_and_not_read(data: Path) -> None:
    trained = {face.path.name for face in read_utkface(data)}
    everything = {path.name for path in (data / "utkface" / "images").iterdir()}
    held = {name for name in everything if held_back(name)}
    assert trained & held == set()
    assert len(held) / len(everything) == pytest.approx(0.2, abs=0.02)
    adults = {name for name in everything if int(name.split("_")[0]) >= 10}
    assert trained == adults - held


@pytest.mark.data
def test_every_image_that_is_named_is_there_and_named_once(data: Path) -> None:
    paths = [face.path for face in read_all(data)]
    assert len(set(paths)) == len(paths) > 10_000
    assert [path for path in paths if not path.is_file()] == []
    assert {face.origin for face in read_all(data)} == {"celeba", "utkface", "lfw"}
