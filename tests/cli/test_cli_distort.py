from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steadyface.distortions import KINDS, apply, contact_sheet, distorted_name, rng_for
from steadyface.imaging.decode import decode
from steadyface.imaging.write import write_image
from steadyface.types import RGBImage

Command = Callable[..., Any]


@pytest.fixture
def photo() -> RGBImage:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, size=(60, 40, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path: Path, photo: RGBImage) -> Path:
    """One image at the top and one below."""
    for name in ("a.png", "deep/b.png"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(file)
    return tmp_path / "photos"


def files_of(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def as_written(image: RGBImage, tmp_path: Path) -> RGBImage:
    """What is read back of it after JPEG."""
    write_image(tmp_path / "expected.jpg", image)
    return decode(tmp_path / "expected.jpg")


def test_every_kind_where_none_is_named(steadyface: Command, photos: Path, tmp_path: Path) -> None:
    run = steadyface("distort", photos, tmp_path / "out")
    assert (run.status, run.out, run.err) == (0, "", "")
    expected = [distorted_name("a", kind) for kind in KINDS]
    expected += [f"deep/{distorted_name('b', kind)}" for kind in KINDS]
    assert files_of(tmp_path / "out") == sorted(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_the_distortion_that_was_asked_for(
    steadyface: Command, photos: Path, photo: RGBImage, tmp_path: Path, kind: str
) -> None:
    options = "--kind", kind, "--severity", "2.5", "--seed", "9"
    assert steadyface("distort", photos / "a.png", tmp_path / "out", *options).status == 0
    assert files_of(tmp_path / "out") == [distorted_name("a", kind)]
    expected = as_written(apply(photo, kind, 2.5, rng_for(9, "a.png", kind)), tmp_path)
    np.testing.assert_array_equal(decode(tmp_path / "out" / distorted_name("a", kind)), expected)


def test_several_kinds_and_one_named_twice(
    steadyface: Command, photos: Path, tmp_path: Path
) -> None:
    chosen = [KINDS[2], KINDS[0], KINDS[2]]
    options = [word for kind in chosen for word in ("--kind", kind)]
    assert steadyface("distort", photos / "a.png", tmp_path / "out", *options).status == 0
    assert files_of(tmp_path / "out") == [distorted_name("a", k) for k in (KINDS[0], KINDS[2])]


def test_an_image_that_cannot_be_read_is_named_and_the_rest_is_done(
    steadyface: Command, photos: Path, tmp_path: Path
) -> None:
    broken = photos / "deep" / "a.jpg"
    broken.write_bytes(b"")
    run = steadyface("distort", photos, tmp_path / "out", "--kind", KINDS[0])
    assert (run.status, run.out) == (3, "")
    assert run.err == f"steadyface: {broken}: the file is empty; give an image\n"
    assert files_of(tmp_path / "out") == [
        distorted_name("a", KINDS[0]),
        f"deep/{distorted_name('b', KINDS[0])}",
    ]


def test_contact_sheet(steadyface: Command, photos: Path, photo: RGBImage, tmp_path: Path) -> None:
    sheet = tmp_path / "new" / "sheet.png"
    run = steadyface("distort", photos / "a.png", sheet, "--contact-sheet", "--seed", "4")
    assert (run.status, run.out, run.err) == (0, "", "")
    np.testing.assert_array_equal(decode(sheet), contact_sheet(photo, 4))


# --- what copies must not overwrite -------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file with its bytes, and every folder."""
    return {str(p): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.fixture
def refused(steadyface: Command, tmp_path: Path) -> Command:
    """A run that has to be refused with a message, and to write nothing."""

    def check(message: str, *arguments: object) -> None:
        before = contents(tmp_path)
        run = steadyface("distort", *arguments)
        assert (run.status, run.out, run.err) == (2, "", f"steadyface: {message}\n")
        assert contents(tmp_path) == before

    return check


def test_copies_that_would_replace_each_other_are_refused(
    refused: Command, photos: Path, photo: RGBImage, tmp_path: Path
) -> None:
    write_image(photos / "a.jpg", photo)
    clash = f"{photos / 'a.png'}: its copies would replace those of {photos / 'a.jpg'}; rename one"
    refused(clash, photos, tmp_path / "out")


def test_copies_that_would_replace_an_original_are_refused(
    refused: Command, photos: Path, photo: RGBImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = photos / "a_foggy.jpg"
    write_image(original, photo)
    line = (
        f"{original}: would be overwritten by the foggy copy of {photos / 'a.png'}; give another "
        "folder to write into"
    )
    refused(line, photos, photos)
    monkeypatch.chdir(photos / "deep")
    refused(line, photos, "..", "--kind", "foggy")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a_rainy.jpg").symlink_to(photos / "a.png")
    refused(
        f"{photos / 'a.png'}: would be overwritten by the rainy copy of {photos / 'a.png'}; give "
        "another folder to write into",
        photos / "a.png",
        tmp_path / "out",
    )


def test_copies_that_a_second_run_would_distort_are_refused(refused: Command, photos: Path) -> None:
    for out in (photos, photos / "out", photos / "deep"):
        refused(
            f"{out / distorted_name('a', KINDS[0])}: lies in {photos}, so that a second run would "
            f"distort it too; give a folder outside {photos} to write into",
            photos,
            out,
        )


def test_a_second_run_writes_the_same_copies_again(
    steadyface: Command, photos: Path, tmp_path: Path
) -> None:
    for source, out in ((photos, tmp_path / "out"), (photos / "a.png", photos)):
        assert steadyface("distort", source, out).status == 0
        first = contents(tmp_path)
        run = steadyface("distort", source, out)
        assert (run.status, run.out, run.err) == (0, "", "")
        assert contents(tmp_path) == first


def test_a_contact_sheet_over_its_image_is_refused(
    refused: Command, photos: Path, tmp_path: Path
) -> None:
    image = photos / "a.png"
    (tmp_path / "sheet.png").symlink_to(image)
    for target in (image, photos / "deep" / ".." / "a.png", tmp_path / "sheet.png"):
        line = f"{image}: would be overwritten by {target}; give another file to write"
        refused(line, image, target, "--contact-sheet")


# --- what cannot be read --------------------------------------------------------------------------


def test_photos_in_formats_that_are_not_read_and_dead_links_are_named(
    steadyface: Command, photos: Path, tmp_path: Path
) -> None:
    (photos / "IMG_1.HEIC").write_bytes(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic")
    (photos / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (photos / "notes.txt").write_text("no image")
    run = steadyface("distort", photos, tmp_path / "out", "--kind", KINDS[0])
    assert (run.status, run.out) == (3, "")
    assert run.err.splitlines() == [
        f"steadyface: {photos / 'IMG_1.HEIC'}: the format HEIC is not supported; convert it to "
        "JPEG or PNG",
        f"steadyface: {photos / 'gone.jpg'}: a link to {tmp_path / 'nowhere.jpg'}, which does not "
        "exist; restore that or remove the link",
    ]
    assert len(files_of(tmp_path / "out")) == 2


def test_the_limit_of_pixels_is_passed_on(
    steadyface: Command, paint: Callable[..., Path], tmp_path: Path
) -> None:
    image = paint(tmp_path / "a.png")
    run = steadyface("distort", image, tmp_path / "out", "--max-pixels", 1)
    assert run.status == 3
    assert run.err.startswith(f"steadyface: {image}: ")
    assert "over the limit of 1; " in run.err
    assert list((tmp_path / "out").iterdir()) == []
    sheet = steadyface(
        "distort", image, tmp_path / "sheet.png", "--contact-sheet", "--max-pixels", 1
    )
    assert (sheet.status, "over the limit of 1; " in sheet.err) == (3, True)
    assert not (tmp_path / "sheet.png").exists()
