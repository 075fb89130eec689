"""The verbs on the bundled sample identities with the real models."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.distortions import KINDS, apply, distorted_name, rng_for
from steadyface.imaging.decode import decode
from steadyface.imaging.write import write_image

Command = Callable[..., Any]

pytestmark = pytest.mark.models

ENROLLED = ("Ada", "Bea", "Amos", "Boris")
STRANGERS = ("Cleo", "Cyril")


@pytest.fixture(scope="module")
def photos(identities: Path) -> dict[str, list[Path]]:
    """The photos of each sample identity."""
    return {folder.name: sorted(folder.iterdir()) for folder in identities.glob("*/*")}


@pytest.fixture(scope="module")
def task_b(photos: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`people/` with clean references and distorted probes, and `unknown/`."""
    root = tmp_path_factory.mktemp("task_b")
    for name in (*ENROLLED, *STRANGERS):
        *clean, last = photos[name]
        known = name in ENROLLED
        probes = root / "people" / name / "distortion" if known else root / "unknown"
        for kind in KINDS:
            copy = apply(decode(last), kind, 2, rng_for(0, name, kind))
            write_image(probes / distorted_name(last.stem, kind), copy)
        for photo in clean if known else ():
            shutil.copy(photo, root / "people" / name / photo.name)
    return root


@pytest.fixture(scope="module")
def crowd(photos: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bea, and beside her Amos at two thirds of her size."""
    left, right = decode(photos["Bea"][2]), decode(photos["Amos"][2])
    rows = np.linspace(0, len(right) - 1, len(right) * 2 // 3).round().astype(int)
    small = np.full_like(right, 127)
    small[: len(rows), : len(rows)] = right[rows][:, rows]
    file = tmp_path_factory.mktemp("crowd") / "crowd.png"
    write_image(file, np.hstack([left, small]))
    return file


@pytest.fixture
def real_gallery(steadyface: Command, task_b: Path, tmp_path: Path) -> Path:
    run = steadyface("enroll", task_b / "people", "--gallery", tmp_path / "people.db")
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == [f"{name}: 2 references" for name in sorted(ENROLLED)]
    return tmp_path / "people.db"


def test_distorted_photos_match_their_person_and_strangers_nobody(
    steadyface: Command, real_gallery: Path, task_b: Path
) -> None:
    for name in ENROLLED:
        probes = task_b / "people" / name / "distortion"
        run = steadyface("match", probes, "--gallery", real_gallery, "--json")
        assert (run.status, run.err) == (0, "")
        said = [result["identity"] for result in run.json["results"]]
        assert len(said) == len(KINDS)
        assert set(said) <= {name, None}
        assert said.count(name) >= 5
    strangers = steadyface("match", task_b / "unknown", "--gallery", real_gallery, "--json")
    assert strangers.status == 1
    assert [result["label"] for result in strangers.json["results"]] == [0] * 2 * len(KINDS)


def test_two_photos_of_one_person_and_of_two(
    steadyface: Command, photos: dict[str, list[Path]]
) -> None:
    assert steadyface("verify", photos["Ada"][0], photos["Ada"][1]).status == 0
    assert steadyface("verify", photos["Ada"][0], photos["Bea"][1]).status == 1


def test_of_several_faces_the_largest_answers_or_all_do(
    steadyface: Command, crowd: Path, real_gallery: Path
) -> None:
    one = steadyface("gender", crowd, "--json").json["results"]
    assert [face["gender"] for result in one for face in result["faces"]] == ["female"]
    (both,) = steadyface("gender", crowd, "--faces", "all", "--json").json["results"]
    assert [face["gender"] for face in both["faces"]] == ["female", "male"]
    assert both["faces"][0]["box"][0] < 192 <= both["faces"][1]["box"][0]
    assert len(steadyface("gender", crowd, "--faces", "all").out.splitlines()) == 2

    def who(*options: str) -> list[str]:
        run = steadyface("match", crowd, "--gallery", real_gallery, "--json", *options)
        assert run.status == 0
        return [result["identity"] for result in run.json["results"]]

    assert who() == ["Bea"]
    assert who("--faces", "all") == ["Bea", "Amos"]


def test_a_face_too_small_to_find_is_taken_as_a_crop_or_refused(
    steadyface: Command, photos: dict[str, list[Path]], tmp_path: Path
) -> None:
    tiny = tmp_path / "tiny.png"
    write_image(tiny, decode(photos["Ada"][0])[::24, ::24])
    run = steadyface("gender", tiny)
    assert (run.status, run.err) == (0, "")
    assert run.out.endswith(" [no face found: middle of the image taken as a face]\n")
    required = steadyface("gender", tiny, "--detection", "require")
    assert (required.status, required.out) == (3, "")
    assert required.err.startswith(f"steadyface: {tiny}: no face was found; ")


def test_genders_are_evaluated(
    steadyface: Command, identities: Path, photos: dict[str, list[Path]], tmp_path: Path
) -> None:
    folder = tmp_path / "genders"
    for file in (photo for each in photos.values() for photo in each[:2]):
        place = folder / file.relative_to(identities).parts[0]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place / file.name)
    run = steadyface("evaluate", "gender", folder, "--json")
    assert (run.status, run.err) == (0, "")
    overall = run.json["overall"]
    assert overall["images"] == 2 * len(photos) == 24
    assert overall["accuracy"] >= 22 / 24
    assert overall["detection"]["found"] >= 22


def test_matches_are_evaluated(steadyface: Command, task_b: Path) -> None:
    run = steadyface(
        "evaluate", "match", task_b / "people", "--unknown", task_b / "unknown", "--json"
    )
    assert (run.status, run.err) == (0, "")
    assert list(run.json["by_kind"]) == sorted(KINDS)
    assert (run.json["identities"], run.json["references"]) == (4, 8)
    overall = run.json["overall"]
    assert (overall["known"], overall["unknown"]) == (4 * len(KINDS), 2 * len(KINDS))
    assert overall["rank_1"] >= 0.9
    assert overall["label"]["classes"]["0"]["recall"] == 1
    assert overall["label_and_identity_accuracy"] >= 0.85
    assert overall["comparisons"]["roc_auc"] >= 0.97
