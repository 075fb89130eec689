from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from steadyface.distortions import KINDS, distorted_name
from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.layouts import (
    GenderImage,
    Pair,
    Probe,
    kind_or_clean,
    read_gender_folder,
    read_match_folder,
    read_pairs,
    read_people,
    require_pair_images,
)

Paint = Callable[..., Path]
Reader = Callable[[Path], object]

FOUR_PAIRS = "2 1\nAnn 1 2\nAnn 1 Ben 3\nCy 4 5\nCy 10 Dan 1234\n"


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(DatasetLayoutError) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_the_suffix_of_the_file_name(kind: str) -> None:
    assert kind_or_clean(Path("a") / distorted_name("Al_Gore_0001", kind)) == kind
    assert kind_or_clean(Path(f"{kind}.jpg")) == kind
    assert kind_or_clean(Path(f"{kind}_0001.jpg")) == "clean"


# --- Task A ---------------------------------------------------------------------------------------


def test_gender_folder_is_read_at_any_depth_with_kinds(tmp_path: Path, paint: Paint) -> None:
    deep = paint(tmp_path / "male" / "x" / "b_noisy.png")
    plain = paint(tmp_path / "female" / "a.png")
    paint(tmp_path / "other" / "c.png")
    (tmp_path / "female" / "notes.txt").write_text("no image")
    assert read_gender_folder(tmp_path) == (
        GenderImage(plain, "female", "clean"),
        GenderImage(deep, "male", "noisy"),
    )


def test_gender_folder_with_another_layout(tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "female" / "a.png")
    expected = f"{tmp_path}: expected images in female/ and male/, "
    assert refusal(lambda: read_gender_folder(tmp_path)) == expected + "found female/"
    for name in "abcdef":
        (tmp_path / name).touch()
    assert (
        refusal(lambda: read_gender_folder(tmp_path)) == expected + "found a, b, c, d, e and 2 more"
    )


def test_gender_folder_with_an_empty_class(tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "female" / "a.png")
    empty = tmp_path / "male"
    empty.mkdir()
    expected = f"{empty}: expected images in female/ and male/, found "
    assert refusal(lambda: read_gender_folder(tmp_path)) == expected + "an empty folder"
    (empty / "notes.txt").touch()
    assert refusal(lambda: read_gender_folder(tmp_path)) == expected + "notes.txt"


# --- Task B ---------------------------------------------------------------------------------------


def test_match_folder_keeps_references_and_probes_apart(tmp_path: Path, paint: Paint) -> None:
    people, strangers = tmp_path / "people", tmp_path / "strangers"
    ann = paint(people / "Ann" / "2.png"), paint(people / "Ann" / "1.png")
    ben = paint(people / "Ben" / "1.png")
    probe = paint(people / "Ann" / "distortion" / "1_foggy.png")
    stranger = paint(strangers / "deep" / "9_noisy.png")
    paint(people / ".hidden" / "1.png")
    paint(people / "loose.png")
    assert read_match_folder(people).probes == (Probe(probe, "Ann", "foggy"),)
    dataset = read_match_folder(people, strangers)
    assert dataset.references == {"Ann": (ann[1], ann[0]), "Ben": (ben,)}
    assert dataset.probes == (Probe(probe, "Ann", "foggy"), Probe(stranger, None, "noisy"))


def test_match_folder_with_another_layout(tmp_path: Path, paint: Paint) -> None:
    expected = (
        f"{tmp_path}: expected identity folders with clean images and a distortion/ folder of "
        "probes in each, "
    )
    assert refusal(lambda: read_match_folder(tmp_path)) == expected + "found an empty folder"
    paint(tmp_path / "Ann" / "1.png")
    assert refusal(lambda: read_match_folder(tmp_path)) == expected + "found Ann/"
    paint(tmp_path / "Ben" / "distortion" / "1_foggy.png")
    assert refusal(lambda: read_match_folder(tmp_path)) == (
        f"{tmp_path / 'Ben'}: no clean reference image; expected {tmp_path.name}/IDENTITY/*.jpg "
        "beside IDENTITY/distortion/, found distortion/"
    )


def test_folder_of_strangers_without_an_image(tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "people" / "Ann" / "1.png")
    paint(tmp_path / "people" / "Ann" / "distortion" / "1_foggy.png")
    empty = tmp_path / "strangers"
    assert refusal(lambda: read_match_folder(tmp_path / "people", empty)) == (
        f"{empty}: no such folder; check the path"
    )
    empty.mkdir()
    assert refusal(lambda: read_match_folder(tmp_path / "people", empty)) == (
        f"{empty}: expected probe images, found an empty folder"
    )


# --- people to enrol ------------------------------------------------------------------------------


def test_people_are_read_with_those_who_have_no_image(tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "Ann" / "distortion" / "1_foggy.png")
    first, second = paint(tmp_path / "Ben" / "1.png"), paint(tmp_path / "Ben" / "2.png")
    assert read_people(tmp_path) == {"Ann": (), "Ben": (first, second)}


def test_people_where_there_is_nobody(tmp_path: Path, paint: Paint) -> None:
    expected = f"{tmp_path}: expected one folder of images for each person, "
    paint(tmp_path / "1.png")
    assert refusal(lambda: read_people(tmp_path)) == expected + "found 1.png"
    (tmp_path / "Ann").mkdir()
    assert refusal(lambda: read_people(tmp_path)) == expected + "found 1.png, Ann/"


@pytest.mark.parametrize("read", [read_gender_folder, read_match_folder, read_people])
def test_a_folder_that_is_none(tmp_path: Path, read: Reader) -> None:
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.touch()
    assert refusal(lambda: read(missing)) == f"{missing}: no such folder; check the path"
    assert refusal(lambda: read(file)) == f"{file}: is a file; give a folder"


# --- pairs ----------------------------------------------------------------------------------------


def test_pairs_file_in_the_format_of_lfw(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(FOUR_PAIRS.replace("Cy 4", "\n\tCy\t4"))
    assert read_pairs(file) == (
        Pair("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", True, 0),
        Pair("Ann/Ann_0001.jpg", "Ben/Ben_0003.jpg", False, 0),
        Pair("Cy/Cy_0004.jpg", "Cy/Cy_0005.jpg", True, 1),
        Pair("Cy/Cy_0010.jpg", "Dan/Dan_1234.jpg", False, 1),
    )


def test_several_pairs_a_fold(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    same, different = "Ann 1 2\n" * 3, "Ann 1 Ben 3\n" * 3
    file.write_text("2 3\n" + (same + different) * 2)
    pairs = read_pairs(file)
    assert [pair.fold for pair in pairs] == [0] * 6 + [1] * 6
    assert [pair.same for pair in pairs] == ([True] * 3 + [False] * 3) * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 should give folds and pairs a fold, such as '10 300'"),
        ("10\n", "line 1 should give folds and pairs a fold, such as '10 300'"),
        ("ten 300\n", "line 1 should give folds and pairs a fold, such as '10 300'"),
        ("1 2 3\n", "line 1 should give folds and pairs a fold, such as '10 300'"),
        (
            FOUR_PAIRS.replace("2 1", "2 2"),
            "line 1 promises 2 folds of 2 + 2 pairs, which is 8 lines; found 4; correct line 1 or "
            "use the whole file",
        ),
        (
            "1 1\nAnn 1 2\nAnn 1 Ben 3\n",
            "line 1 gives 1 folds of 1 pairs; give 2 folds or more of 1 or more",
        ),
        ("2 0\n", "line 1 gives 2 folds of 0 pairs; give 2 folds or more of 1 or more"),
        # In the place of a same-person line, four words would make two people one.
        (
            FOUR_PAIRS.replace("Ann 1 2", "Ann 1 Ben 2"),
            "line 2: expected name i j, found 'Ann 1 Ben 2'",
        ),
        (
            FOUR_PAIRS.replace("Ann 1 Ben 3", "Ann 1 3"),
            "line 3: expected name i name j, found 'Ann 1 3'",
        ),
        (
            FOUR_PAIRS.replace("Cy 4 5", "\n\nCy 4 five"),
            "line 6: image numbers expected, found '4', 'five'",
        ),
        (
            FOUR_PAIRS.replace("Cy 4 5", "Cy ² 5"),
            "line 4: image numbers expected, found '²', '5'",
        ),
        (
            FOUR_PAIRS.replace("Ann 1 2", "Ann 2 02"),
            "line 2: compares image 2 of Ann with itself; give two images",
        ),
        (
            FOUR_PAIRS.replace("Ann 1 Ben 3", "Ann 1 Ann 3"),
            "line 3: a pair of different people names Ann twice; give two people",
        ),
    ],
)
def test_pairs_file_in_another_format(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(text, encoding="utf-8")
    assert refusal(lambda: read_pairs(file)) == f"{file}: {message}"


def test_pairs_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing, image = tmp_path / "missing", tmp_path / "image"
    image.write_bytes(b"\xff\xd8\xff")
    assert refusal(lambda: read_pairs(missing)) == (
        f"{missing}: cannot be read (No such file or directory); give a pairs file"
    )
    assert refusal(lambda: read_pairs(tmp_path)) == (
        f"{tmp_path}: cannot be read (Is a directory); give a pairs file"
    )
    assert refusal(lambda: read_pairs(image)) == f"{image}: not a text file; give a pairs file"


def test_images_folder_that_has_none_of_the_pairs(tmp_path: Path, paint: Paint) -> None:
    pairs = (Pair("Ben/Ben_0001.jpg", "Ann/Ann_0001.jpg", False, 0),)
    missing = tmp_path / "missing"
    assert refusal(lambda: require_pair_images(missing, pairs)) == (
        f"{missing}: no such folder; check the path"
    )
    (tmp_path / "lfw").mkdir()
    assert refusal(lambda: require_pair_images(tmp_path, pairs)) == (
        f"{tmp_path}: expected the images of the pairs file, such as Ann/Ann_0001.jpg, found lfw/"
    )
    paint(tmp_path / "Ben" / "Ben_0001.jpg")
    require_pair_images(tmp_path, pairs)
