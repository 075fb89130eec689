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


def test_copies_that_would_replace_each_other_are_refused(
    steadyface: Command, photos: Path, photo: RGBImage, tmp_path: Path
) -> None:
    write_image(photos / "a.jpg", photo)
    run = steadyface("distort", photos, tmp_path / "out")
    assert (run.status, run.out) == (2, "")
    assert run.err == (
        f"steadyface: {photos / 'a.png'}: its copies would replace those of {photos / 'a.jpg'}; "
        "rename one\n"
    )
    assert not (tmp_path / "out").exists()
