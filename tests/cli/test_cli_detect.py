"""`steadyface detect`: where faces are, in text, JSON, CSV and pictures."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.errors import OutputError, UnreadableImageError
from steadyface.imaging.decode import decode

Command = Callable[..., Any]
Paint = Callable[..., Path]


@pytest.fixture
def photos(tmp_path: Path, paint: Paint, paint_black: Paint) -> Path:
    """Two images with a face, one without, one that is broken."""
    folder = tmp_path / "photos"
    paint(folder / "a" / "one.png")
    paint(folder / "b" / "one.png", degrees=90)
    paint_black(folder / "none.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


@pytest.mark.usefixtures("fake_models")
def test_every_image_is_answered_and_the_broken_one_named(
    steadyface: Command, photos: Path
) -> None:
    run = steadyface("detect", photos)
    assert run.status == 3
    lines = run.out.splitlines()
    assert f"{photos / 'none.png'}: no face" in lines
    assert sum("face 1: " in line and "score" in line for line in lines) == 2
    assert "broken.jpg" in run.err and "broken.jpg" not in run.out


@pytest.mark.usefixtures("fake_models")
def test_no_face_is_an_answer(steadyface: Command, photos: Path) -> None:
    run = steadyface("detect", photos / "none.png", "--json")
    assert run.status == 0
    assert run.json == {
        "results": [{"source": str(photos / "none.png"), "faces": []}],
        "errors": [],
    }


@pytest.mark.usefixtures("fake_models")
def test_json_and_csv_tell_the_same(steadyface: Command, photos: Path) -> None:
    told = steadyface("detect", photos, "--json").json
    faces = [(one["source"], face) for one in told["results"] for face in one["faces"]]
    rows = list(csv.DictReader(io.StringIO(steadyface("detect", photos, "--csv").out)))
    assert len(faces) == len(rows) == 2
    for (source, face), row in zip(faces, rows, strict=True):
        assert (row["source"], row["face"], row["detection"]) == (source, "1", face["detection"])
        assert [float(row[k]) for k in ("x", "y", "width", "height")] == face["box"]
        assert float(row["score"]) == face["score"]
        points = [[float(row[f"{p}_{a}"]) for a in "xy"] for p in ("left_eye", "right_mouth")]
        assert points == [face["landmarks"][0], face["landmarks"][4]]
    assert [error["source"] for error in told["errors"]] == [str(photos / "broken.jpg")]


@pytest.mark.usefixtures("fake_models")
def test_pictures_and_crops_keep_the_folders_and_leave_sources_alone(
    steadyface: Command, photos: Path, tmp_path: Path
) -> None:
    before = {file: file.read_bytes() for file in photos.rglob("*.*")}
    drawn, crops = tmp_path / "drawn", tmp_path / "crops"
    run = steadyface("detect", photos, "--draw", drawn, "--crops", crops)
    assert run.status == 3
    written = sorted(f.relative_to(drawn).as_posix() for f in drawn.rglob("*.jpg"))
    assert written == ["a/one_faces.jpg", "b/one_faces.jpg"]
    files = photos / "a" / "one.png", drawn / "a" / "one_faces.jpg"
    pictures = [decode(file).astype(int) for file in files]
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0] - pictures[1]).max() > 60
    sizes = {decode(file).shape[:2] for file in crops.rglob("*_face1.png")}
    assert sizes == {(112, 112)} and len(list(crops.rglob("*.png"))) == 2
    assert before == {file: file.read_bytes() for file in photos.rglob("*.*")}


@pytest.mark.usefixtures("fake_models")
def test_nothing_is_overwritten(steadyface: Command, photos: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine", encoding="utf-8")
    run = steadyface("detect", photos / "a", "--draw", full)
    assert run.status == 2
    assert "is not empty; give a new or empty folder" in run.err
    same = steadyface(
        "detect", photos / "a" / "one.png", photos / "b" / "one.png", "--crops", tmp_path / "new"
    )
    assert same.status == 2
    assert "would be written to the same file" in same.err
    assert not (tmp_path / "new").exists()
    file = steadyface("detect", photos / "a", "--draw", full / "mine.txt")
    assert file.status != 0 and "mine.txt" in file.err
    assert (full / "mine.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("fake_models")
def test_csv_and_json_exclude_each_other(steadyface: Command, photos: Path) -> None:
    run = steadyface("detect", photos, "--csv", "--json")
    assert run.status == 2
    assert "give --csv or --json, not both" in run.err


@pytest.mark.usefixtures("fake_models")
def test_a_missing_file_is_named_and_the_rest_done(steadyface: Command, photos: Path) -> None:
    run = steadyface("detect", photos / "nowhere.jpg", photos / "a")
    assert run.status == 3
    assert "nowhere.jpg" in run.err and "face 1" in run.out


@pytest.mark.usefixtures("fake_models")
def test_two_suffixes_of_one_name_are_refused_with_a_remedy(
    steadyface: Command, paint: Paint, tmp_path: Path
) -> None:
    paint(tmp_path / "in" / "one.png")
    paint(tmp_path / "in" / "one.jpg")
    run = steadyface("detect", tmp_path / "in", "--draw", tmp_path / "out")
    assert run.status == 2
    assert "would be written to the same file" in run.err
    assert run.err.endswith("; rename one\n")


@pytest.mark.usefixtures("fake_models")
@pytest.mark.parametrize("reason", ["full", "a file", "no such detector"])
def test_a_refused_run_leaves_no_folder_behind(
    steadyface: Command, photos: Path, tmp_path: Path, reason: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    more: dict[str, list[str | Path]] = {
        "full": ["--crops", tmp_path / "full"],
        "a file": ["--crops", tmp_path / "full" / "mine.txt"],
        "no such detector": ["--detector", "nobody"],
    }
    run = steadyface("detect", photos / "a", "--draw", tmp_path / "new", *more[reason])
    assert (run.status, run.out) == (2, "")
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("fake_models")
def test_a_picture_that_cannot_be_written_ends_the_run(
    steadyface: Command, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, image: object) -> None:
        raise OutputError(f"{file}: cannot be written (disk full); choose another place")

    monkeypatch.setattr("steadyface.cli.detect.write_image", full)
    run = steadyface("detect", photos / "a", "--draw", tmp_path / "new")
    assert run.status == 2
    assert "one_faces.jpg: cannot be written (disk full)" in run.err


@pytest.mark.usefixtures("fake_models")
def test_an_image_that_goes_away_meanwhile_fails_alone(
    steadyface: Command, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = photos / "a" / "one.png"
    seen: set[Path] = set()

    def decode_once(self: object, image: Path) -> Any:
        if image == gone and image in seen:
            raise UnreadableImageError(str(image), "no such file; check the path")
        seen.add(image)
        return decode(image)

    monkeypatch.setattr("steadyface.pipeline.Analyzer.decode", decode_once)
    (photos / "broken.jpg").unlink()
    run = steadyface("detect", photos, "--crops", tmp_path / "new", "--json")
    assert run.status == 3
    told = {one["source"] for one in run.json["results"]}
    assert told == {str(photos / "b" / "one.png"), str(photos / "none.png")}
    assert [error["source"] for error in run.json["errors"]] == [str(gone)]
    assert len(list((tmp_path / "new").rglob("*.png"))) == 1


@pytest.mark.usefixtures("fake_models")
def test_csv_onto_a_full_disk_is_an_error(
    steadyface: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(message: object = None, *args: object, **rest: object) -> None:
        # As the system says it of standard output, which has no file name.
        if not rest.get("err"):
            raise OSError(28, "No space left on device")
        print(message, file=sys.stderr)

    monkeypatch.setattr("click.echo", full)
    monkeypatch.setattr("steadyface.cli.main._drop_output", lambda: None)
    run = steadyface("detect", photos / "a", "--csv")
    assert run.status == 2
    assert "standard output: cannot be written (No space left on device)" in run.err


@pytest.mark.usefixtures("fake_models")
def test_csv_without_a_face_is_the_header_alone(steadyface: Command, photos: Path) -> None:
    run = steadyface("detect", photos / "none.png", "--csv")
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == [
        "source,face,x,y,width,height,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,"
        "left_mouth_x,left_mouth_y,right_mouth_x,right_mouth_y,score,p_face,quality,detection,view"
    ]


def test_real_faces_are_told_with_p_face(
    steadyface: Command, identities: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    for file in sorted(identities.rglob("*_0001.jpg"))[:3]:
        shutil.copy(file, folder)
    told = steadyface("detect", folder, "--json").json
    assert [len(one["faces"]) for one in told["results"]] == [1, 1, 1]
    for one in told["results"]:
        assert one["faces"][0]["p_face"] > 0.9
        assert one["faces"][0]["quality"] > 0.5
