"""Where copies go, and which plans are refused because something would be lost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from steadyface.distortions.copies import Copy, plan_copies, refuse_same_file
from steadyface.errors import UsageError
from steadyface.imaging.files import list_images


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder of two images, one of them in a folder below."""
    touch(tmp_path / "in" / "a.png")
    touch(tmp_path / "in" / "deep" / "b.jpg")
    return tmp_path / "in"


def touch(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def plan(source: Path, target: Path, kinds: Sequence[str] = ("foggy",)) -> list[tuple[Path, Path]]:
    images = list_images(source) if source.is_dir() else [source]
    return [(copy.image, copy.file) for copy in plan_copies(images, source, target, kinds)]


def refusal(source: Path, target: Path, kinds: Sequence[str] = ("foggy",)) -> str:
    before = sorted(source.parent.rglob("*"))
    with pytest.raises(UsageError) as caught:
        plan(source, target, kinds)
    assert sorted(source.parent.rglob("*")) == before
    return str(caught.value)


def overwritten(original: Path, image: Path, kind: str = "foggy") -> str:
    return (
        f"{original}: would be overwritten by the {kind} copy of {image}; give another folder to "
        "write into"
    )


def shared(image: Path, other: Path) -> str:
    return f"{image}: its copies would replace those of {other}; rename one"


def fed_back(file: Path, source: Path) -> str:
    return (
        f"{file}: lies in {source}, so that a second run would distort it too; give a folder "
        f"outside {source} to write into"
    )


# --- what is planned ----------------------------------------------------------------------------


def test_each_image_has_a_copy_of_each_kind_in_the_order_given(
    inside: Path, tmp_path: Path
) -> None:
    a, b, out = inside / "a.png", inside / "deep" / "b.jpg", tmp_path / "out"
    assert plan_copies([a, b], inside, out, ["rainy", "foggy"]) == (
        Copy(a, "rainy", out / "a_rainy.jpg"),
        Copy(a, "foggy", out / "a_foggy.jpg"),
        Copy(b, "rainy", out / "deep" / "b_rainy.jpg"),
        Copy(b, "foggy", out / "deep" / "b_foggy.jpg"),
    )
    assert not out.exists()


def test_copies_of_one_image_may_lie_beside_it(inside: Path) -> None:
    image = inside / "a.png"
    assert plan(image, inside) == [(image, inside / "a_foggy.jpg")]
    touch(inside / "a_foggy.jpg")
    assert plan(image, inside) == [(image, inside / "a_foggy.jpg")]


def test_a_file_named_as_the_folder_is_left_to_who_writes(inside: Path) -> None:
    image = inside / "a.png"
    assert plan(image, image / "out") == [(image, image / "out" / "a_foggy.jpg")]


def test_a_run_can_be_repeated(inside: Path, tmp_path: Path) -> None:
    first = plan(inside, tmp_path / "out")
    for _, file in first:
        touch(file)
    assert plan(inside, tmp_path / "out") == first


def test_a_folder_that_is_not_searched_may_lie_inside(inside: Path) -> None:
    """Lists of images leave out hidden folders and those that are links."""
    outside = inside.parent / "outside"
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    for target in (inside / ".copies", inside / "link"):
        for _, file in plan(inside, target):
            touch(file)
        assert len(plan(inside, target)) == 2


def test_images_may_lie_inside_the_folder_of_copies(inside: Path) -> None:
    assert plan(inside, inside.parent)[0] == (inside / "a.png", inside.parent / "a_foggy.jpg")


def test_a_source_named_by_a_relative_path(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inside)
    out = Path("..", "out")
    expected = [
        (Path("a.png"), out / "a_foggy.jpg"),
        (Path("deep", "b.jpg"), out / "deep" / "b_foggy.jpg"),
    ]
    assert plan(Path(), out) == expected
    monkeypatch.chdir(tmp_path)
    assert plan(Path("in", "a.png"), Path("in")) == [
        (Path("in", "a.png"), Path("in", "a_foggy.jpg"))
    ]


# --- what would overwrite an image --------------------------------------------------------------


def test_an_image_with_the_name_of_a_copy(inside: Path) -> None:
    original = touch(inside / "a_foggy.jpg")
    message = overwritten(original, inside / "a.png")
    assert refusal(inside, inside) == message
    assert refusal(inside, inside, ["rainy", "foggy"]) == message
    # No copy has this name, but a second run would make copies of copies.
    assert "a second run" in refusal(inside, inside, ["rainy"])


def test_another_way_to_the_same_folder(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = touch(inside / "a_foggy.jpg")
    (tmp_path / "alias").symlink_to(inside)
    monkeypatch.chdir(inside)
    for target in (Path(), inside / "deep" / "..", tmp_path / "alias", Path("..", "in")):
        assert refusal(inside, target) == overwritten(original, inside / "a.png")
    assert refusal(tmp_path / "alias", inside) == overwritten(
        tmp_path / "alias" / "a_foggy.jpg", tmp_path / "alias" / "a.png"
    )


@pytest.mark.parametrize("name", ["a.png", "deep/b.jpg"])
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_copy_s_name_that_is_a_link_to_an_image(
    inside: Path, tmp_path: Path, name: str, link: object
) -> None:
    (tmp_path / "out").mkdir()
    assert callable(link)
    link(inside / name, tmp_path / "out" / "a_foggy.jpg")
    assert refusal(inside, tmp_path / "out") == overwritten(inside / name, inside / "a.png")
    if name == "a.png":
        alone = inside / "a.png"
        assert refusal(alone, tmp_path / "out") == overwritten(alone, alone)


def test_an_image_that_is_a_link_into_the_folder_of_copies(inside: Path, tmp_path: Path) -> None:
    kept = touch(tmp_path / "out" / "a_foggy.jpg")
    (inside / "z.jpg").symlink_to(kept)
    assert refusal(inside, tmp_path / "out") == overwritten(inside / "z.jpg", inside / "a.png")


def test_an_image_in_the_way_of_a_folder_below(inside: Path) -> None:
    original = touch(inside / "deep" / "b_foggy.jpg")
    message = overwritten(original, inside / "deep" / "b.jpg")
    assert refusal(inside, inside) == message


# --- what would overwrite another copy ----------------------------------------------------------


def test_two_images_of_one_stem(inside: Path, tmp_path: Path) -> None:
    other = touch(inside / "a.jpg")
    assert refusal(inside, tmp_path / "out") == shared(inside / "a.png", other)
    # It need not be one that can be read.
    other.rename(inside / "a.heic")
    assert refusal(inside, tmp_path / "out") == shared(inside / "a.png", inside / "a.heic")


def test_one_stem_in_two_folders_is_no_clash(inside: Path, tmp_path: Path) -> None:
    touch(inside / "deep" / "a.png")
    files = [file for _, file in plan(inside, tmp_path / "out")]
    assert tmp_path / "out" / "deep" / "a_foggy.jpg" in files
    assert len(set(files)) == 3


def test_two_folders_that_are_one(inside: Path, tmp_path: Path) -> None:
    """Copies of `in/deep/a.png` go to `out/deep`, which is a link to `out`."""
    touch(inside / "deep" / "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").symlink_to(tmp_path / "out")
    message = shared(inside / "deep" / "a.png", inside / "a.png")
    assert refusal(inside, tmp_path / "out") == message


def test_two_names_of_copies_that_are_one_file(inside: Path, tmp_path: Path) -> None:
    touch(inside / "c.png")
    touch(tmp_path / "out" / "a_foggy.jpg")
    (tmp_path / "out" / "c_foggy.jpg").symlink_to("a_foggy.jpg")
    assert refusal(inside, tmp_path / "out") == shared(inside / "c.png", inside / "a.png")


# --- what the next run would distort again ------------------------------------------------------


@pytest.mark.parametrize("below", ["", "out", "deep", "new/folder", ".hidden/.."])
def test_copies_inside_the_folder_of_images(inside: Path, below: str) -> None:
    (inside / ".hidden").mkdir()
    target = inside / below
    assert refusal(inside, target) == fed_back(target / "a_foggy.jpg", inside)


def test_copies_inside_it_by_way_of_links(inside: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(inside / "deep")
    target = tmp_path / "alias"
    assert refusal(inside, target) == fed_back(target / "a_foggy.jpg", inside)
    # Only the copies of the folder below come back.
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").symlink_to(inside)
    assert refusal(inside, tmp_path / "out") == fed_back(
        tmp_path / "out" / "deep" / "b_foggy.jpg", inside
    )


def test_a_folder_of_images_that_has_the_path_of_one_below(inside: Path) -> None:
    """Copies of `in/in/c.png` go to `in`, though the folder named is the one around."""
    image = touch(inside / "in" / "c.png")
    copy = inside.parent / "in" / "c_foggy.jpg"
    assert refusal(inside, inside.parent) == fed_back(copy, inside)
    image.unlink()
    assert len(plan(inside, inside.parent)) == 2


def test_a_folder_of_images_that_is_hidden_itself(tmp_path: Path) -> None:
    touch(tmp_path / ".in" / "a.png")
    message = fed_back(tmp_path / ".in" / "out" / "a_foggy.jpg", tmp_path / ".in")
    assert refusal(tmp_path / ".in", tmp_path / ".in" / "out") == message


# --- one file of one image ----------------------------------------------------------------------


def test_a_file_made_of_an_image_is_not_written_over_it(inside: Path, tmp_path: Path) -> None:
    image = inside / "a.png"
    (tmp_path / "alias.png").symlink_to(image)
    os.link(image, tmp_path / "hard.png")
    names = (image, inside / "deep" / ".." / "a.png", tmp_path / "alias.png", tmp_path / "hard.png")
    for target in names:
        with pytest.raises(UsageError) as caught:
            refuse_same_file(target, image)
        assert str(caught.value) == (
            f"{image}: would be overwritten by {target}; give another file to write"
        )
    refuse_same_file(inside / "deep" / "b.jpg", image)
    refuse_same_file(tmp_path / "new.png", image)
