from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.training.gender.pictures import folders

from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.table import Table
from steadyface.imaging.framing import Framing
from steadyface.training.gender.care import Finding, Part, as_text, findings, refuse_leaks
from steadyface.training.gender.folders import read_split
from steadyface.training.gender.frames import frames_of
from steadyface.types import Detection, RGBImage


class NoFaces:
    """A finder that finds nothing."""

    def find(self, image: RGBImage) -> list[Detection]:
        return []


def found(
    folder: Path, out: Path, table: Table | None = None, *, zoom: float | None = None
) -> dict[str, Finding]:
    split = read_split(folder, table or Table(), val_fraction=None, seed=0)
    parts = []
    for name, examples in (("train", split.train), ("val", split.val)):
        frames = frames_of(examples, folder, NoFaces(), Framing(32, zoom), out / name)
        parts.append(Part(name, examples, frames.seen))
    several = findings(parts, split, folder, faces=zoom is not None)
    return {finding.problem: finding for finding in several}


def test_nothing_is_said_of_good_images(tmp_path: Path) -> None:
    several = found(folders(tmp_path / "d", train=20, val=20), tmp_path)
    assert set(several) == {f"{p}: without a face that was found" for p in ("train", "val")}
    assert as_text([]) == "no problem found in the images"


def test_exact_and_near_duplicates_across_parts_are_leaks(tmp_path: Path) -> None:
    data = folders(tmp_path / "d", train=4, val=4)
    female = data / "train" / "female"
    shutil.copy(female / "trainfemale0.png", data / "val" / "female" / "again.png")
    with Image.open(female / "trainfemale1.png") as image:
        image.resize((96, 96)).save(data / "val" / "female" / "larger.jpg", quality=90)
    several = found(data, tmp_path)
    exact = several["exact duplicates in train and val"]
    near = several["near duplicates in train and val"]
    assert exact.examples == ("train/female/trainfemale0.png = val/female/again.png",)
    assert near.examples == ("train/female/trainfemale1.png ~ val/female/larger.jpg",)
    assert exact.leak
    assert near.leak
    with pytest.raises(DatasetLayoutError) as caught:
        refuse_leaks(list(several.values()))
    assert str(caught.value) == (
        "what is measured on was trained on: 1 exact duplicates in train and val (such as "
        "train/female/trainfemale0.png = val/female/again.png); 1 near duplicates in train and "
        "val (such as train/female/trainfemale1.png ~ val/female/larger.jpg); move or remove "
        "them, or give --allow-leakage to train all the same"
    )


def test_people_in_both_parts_are_a_leak(tmp_path: Path) -> None:
    data = folders(tmp_path / "d", train=2, val=2)
    rows: dict[str, tuple[str | None, tuple[str, ...]]] = {
        "trainfemale0.png": ("Ann", ()),
        "valfemale1.png": ("Ann", ()),
        "valmale0.png": ("Bob", ()),
    }
    finding = found(data, tmp_path, Table((), rows))["people in train and val"]
    assert (finding.examples, finding.leak) == (("Ann",), True)


def test_unusable_images_and_other_files_are_counted(tmp_path: Path) -> None:
    data = folders(tmp_path / "d", train=6, val=1)
    (data / "train" / "male" / "broken.jpg").write_bytes(b"nothing")
    (data / "train" / "male" / "notes.txt").write_text("text")
    for number in range(7):
        shutil.copy(
            data / "val" / "male" / "valmale0.png", data / "val" / "male" / f"c{number}.png"
        )
    several = found(data, tmp_path, zoom=1.0)
    unreadable = several["train: left out: cannot be read"]
    assert unreadable.count == 1
    assert unreadable.examples[0].startswith("train/male/broken.jpg (not an image")
    assert several["other files"].examples == ("train/male/notes.txt",)
    assert several["train: left out: no face was found"].count == 12
    repeated = several["val: the same image again"]
    assert (repeated.count, len(repeated.examples)) == (7, 5)
    assert several["train: few male images"].count == 6
    text = as_text([repeated])
    assert text.startswith("      7  val: the same image again  val/male/c0.png = ")
    assert text.endswith(", ...")


def test_images_that_the_table_does_not_know_are_counted(tmp_path: Path) -> None:
    data = folders(tmp_path / "d", train=2, val=1)
    rows: dict[str, tuple[str | None, tuple[str, ...]]] = {"trainmale0.png": (None, ("old",))}
    assert found(data, tmp_path, Table(("age",), rows))["without a row in the table"].count == 5


def test_canvases_are_kept_until_images_change(tmp_path: Path) -> None:
    data = folders(tmp_path / "d", train=2, val=1)
    examples = read_split(data, Table(), val_fraction=None, seed=0).train
    first = frames_of(examples, data, NoFaces(), Framing(32, None), tmp_path / "f")
    assert first.canvases.shape == (4, 32, 32, 3)
    index = tmp_path / "f" / "frames.json"
    made = index.stat().st_mtime_ns
    again = frames_of(examples, data, NoFaces(), Framing(32, None), tmp_path / "f")
    assert index.stat().st_mtime_ns == made
    assert again.seen == first.seen
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(examples[0].path)
    changed = frames_of(examples, data, NoFaces(), Framing(32, None), tmp_path / "f")
    assert changed.seen[0].pixels != first.seen[0].pixels
    assert changed.canvases[0].max() == 0
