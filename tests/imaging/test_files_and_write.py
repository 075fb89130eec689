"""Finding image files in folders, and writing images."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steadyface.errors import ImageNotFoundError, OutputError, UnreadableImageError
from steadyface.imaging.decode import decode
from steadyface.imaging.files import list_images
from steadyface.imaging.formats import FORMATS, IMAGE_SUFFIXES, UNSUPPORTED_SUFFIXES
from steadyface.imaging.write import write_image
from steadyface.types import RGBImage


def touch(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def found(folder: Path, *, recursive: bool = True) -> list[str]:
    images = list_images(folder, recursive=recursive)
    return [path.relative_to(folder).as_posix() for path in images]


def ramp(height: int = 40, width: int = 60) -> RGBImage:
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    image[..., 1] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    image[..., 2] = 90
    return image


# --- finding ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES | UNSUPPORTED_SUFFIXES))
def test_every_suffix_is_found_in_either_case(tmp_path: Path, suffix: str) -> None:
    touch(tmp_path, [f"a{suffix}", f"B{suffix.upper()}"])
    assert found(tmp_path) == [f"B{suffix.upper()}", f"a{suffix}"]


def test_the_suffixes_are_those_of_the_decoder_s_formats() -> None:
    extensions = Image.registered_extensions()
    assert {extensions[suffix] for suffix in IMAGE_SUFFIXES} == set(FORMATS)


def test_a_suffix_is_read_or_not() -> None:
    assert not IMAGE_SUFFIXES & UNSUPPORTED_SUFFIXES
    # What phones and cameras write by default.
    assert {".heic", ".heif", ".avif", ".jxl", ".cr2", ".nef", ".dng"} < UNSUPPORTED_SUFFIXES
    for suffix in IMAGE_SUFFIXES | UNSUPPORTED_SUFFIXES:
        assert suffix.startswith(".")
        assert suffix == suffix.lower()


def test_what_is_no_image_or_hidden_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "x")
    touch(tmp_path, ["notes.txt", "jpg", "no_suffix", "photo.jpg.part", "photo.jpg"])
    touch(tmp_path, ["labels.csv", "labels.json", ".DS_Store", "IMG_1.MOV", "IMG_1.AAE"])
    touch(tmp_path, [".hidden.jpg", ".hidden.heic", ".cache/a.jpg", "x/.thumbs/b.jpg"])
    touch(tmp_path, ["folder.jpg/inside.png", "x/kept.webp"])
    assert found(tmp_path) == ["folder.jpg/inside.png", "photo.jpg", "x/kept.webp"]


def test_a_link_to_a_file_is_found_and_one_that_leads_nowhere_too(tmp_path: Path) -> None:
    touch(tmp_path, ["store/1"])
    (tmp_path / "good.jpg").symlink_to(tmp_path / "store" / "1")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "round.png").symlink_to(tmp_path / "round.png")
    assert found(tmp_path) == ["gone.png", "good.jpg", "round.png"]
    with pytest.raises(ImageNotFoundError) as caught:
        decode(tmp_path / "gone.png")
    assert str(caught.value) == (
        f"{tmp_path / 'gone.png'}: a link to {tmp_path / 'nowhere.png'}, which does not exist; "
        "restore that or remove the link"
    )
    with pytest.raises(UnreadableImageError) as unreadable:
        decode(tmp_path / "round.png")
    assert str(unreadable.value).startswith(f"{tmp_path / 'round.png'}: cannot be read (")


def test_a_file_that_may_not_be_looked_at_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may look at every file, so the refusal is played.
    touch(tmp_path, ["a.jpg", "locked.jpg"])
    look = Path.stat

    def refuse(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if self.name == "locked.jpg":
            raise PermissionError(13, "Permission denied", str(self))
        return look(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", refuse)
    assert found(tmp_path) == ["a.jpg", "locked.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_which_reading_would_wait_at_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, ["a.jpg"])
    os.mkfifo(tmp_path / "b.jpg")
    assert found(tmp_path) == ["a.jpg"]


def test_a_folder_below_a_hidden_one_can_be_asked_for(tmp_path: Path) -> None:
    touch(tmp_path, [".data/faces/a.jpg"])
    assert found(tmp_path / ".data" / "faces") == ["a.jpg"]


def test_the_order_is_that_of_the_paths(tmp_path: Path) -> None:
    touch(tmp_path, ["b.jpg", "a/z.jpg", "a.png", "a/b/c.gif", "B.jpg"])
    expected = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert list_images(tmp_path) == expected
    assert len(expected) == 5


def test_folders_below_can_be_left_out(tmp_path: Path) -> None:
    touch(tmp_path, ["b.jpg", "a.jpg", "below/c.jpg"])
    assert found(tmp_path, recursive=False) == ["a.jpg", "b.jpg"]
    assert found(tmp_path, recursive=True) == ["a.jpg", "b.jpg", "below/c.jpg"]


def test_an_empty_folder_holds_none(tmp_path: Path) -> None:
    assert list_images(tmp_path) == []


# --- writing ------------------------------------------------------------------------------------

#: How far the mean of the pixels may be off; 0 where nothing may be lost.
LOSS = {".png": 0.0, ".bmp": 0.0, ".tif": 0.0, ".tiff": 0.0, ".webp": 3.0, ".gif": 12.0}


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
@pytest.mark.parametrize("upper", [False, True])
def test_written_images_are_read_back(tmp_path: Path, suffix: str, upper: bool) -> None:
    file = tmp_path / f"image{suffix.upper() if upper else suffix}"
    write_image(file, ramp())
    difference = np.abs(decode(file).astype(float) - ramp())
    assert difference.mean() <= LOSS.get(suffix, 2.0)
    with Image.open(file) as image:
        assert image.format == Image.registered_extensions()[suffix]


def test_folders_are_made_and_a_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folders" / "image.png"
    write_image(file, np.zeros((2, 2, 3), dtype=np.uint8))
    write_image(file, ramp())
    np.testing.assert_array_equal(decode(file), ramp())
    assert list(tmp_path.rglob("*.*")) == [file]


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1)])
def test_tiny_and_read_only_images_are_written(tmp_path: Path, shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 80, dtype=np.uint8)
    image.setflags(write=False)
    for suffix in (".jpg", ".png"):
        write_image(tmp_path / f"image{suffix}", image)
        assert decode(tmp_path / f"image{suffix}").shape == image.shape


@pytest.mark.parametrize("name", ["image", "image.txt", "image.psd", "image.pdf", ".jpg"])
def test_a_name_without_an_image_suffix(tmp_path: Path, name: str) -> None:
    file = tmp_path / "new" / name
    with pytest.raises(OutputError) as caught:
        write_image(file, ramp())
    assert str(caught.value) == f"{file}: not an image format; end the name in .jpg or .png"
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    touch(tmp_path, ["file"])
    (tmp_path / "folder.png").mkdir()
    for place, reason in (
        (tmp_path / "folder.png", "Is a directory"),
        (tmp_path / "file" / "image.png", "File exists"),
        (tmp_path / "file" / "below" / "image.png", "Not a directory"),
        (tmp_path / "a\0b.png", "embedded null byte"),
        (tmp_path / f"{'x' * 300}.png", "File name too long"),
    ):
        with pytest.raises(OutputError) as caught:
            write_image(place, ramp())
        assert str(caught.value) == (f"{place}: cannot be written ({reason}); choose another place")


def test_an_image_too_large_for_its_format(tmp_path: Path) -> None:
    file = tmp_path / "wide.webp"
    with pytest.raises(OutputError) as caught:
        write_image(file, np.zeros((1, 20_000, 3), dtype=np.uint8))
    assert str(caught.value).startswith(f"{file}: cannot be written (")
    assert not file.exists()


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may list every folder, so the refusal is played.
    locked = tmp_path / "locked"
    locked.mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UnreadableImageError) as caught:
        list_images(tmp_path)
    assert str(caught.value) == (
        f"{locked}: cannot be listed (Permission denied); check the folder's permissions"
    )
