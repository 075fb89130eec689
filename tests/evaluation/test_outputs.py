from __future__ import annotations

import csv
import json
import os
import platform
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from steadyface._version import __version__
from steadyface.errors import OutputError
from steadyface.evaluation import output
from steadyface.evaluation.output import (
    provenance,
    writable_file,
    writable_folder,
    write_csv,
    write_json,
)
from steadyface.evaluation.summaries import (
    REPORTED_FMRS,
    tar_name,
    verification_summary,
    wilson_summary,
)

FULL_DISK = Path("/dev/full")


def test_json_is_written_with_the_folders_above(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.json"
    write_json(file, {"name": "É", "none": None})
    assert json.loads(file.read_text(encoding="utf-8")) == {"name": "É", "none": None}


def test_every_result_has_its_section_in_the_documentation() -> None:
    root = Path(__file__).resolve().parents[2]
    headings = re.findall(
        r"^## `(.*)`$", (root / "docs" / "results.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    sources = (root / "src" / "steadyface" / name for name in ("cli", "evaluation"))
    schemas = {
        found
        for folder in sources
        for file in folder.rglob("*.py")
        for found in re.findall(r'"(steadyface/[a-z-]+/\d+)"', file.read_text(encoding="utf-8"))
    }
    assert len(schemas) >= 7
    assert sorted(headings) == sorted(schemas)


def test_json_holds_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        write_json(tmp_path / "a.json", {"rate": float("nan")})


def test_csv_has_a_header_and_a_line_a_row(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.csv"
    rows = [{"image": 'É, "quoted"\nname', "label": 1}, {"image": "plain", "label": 0}]
    write_csv(file, rows)
    with file.open(encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {"image": 'É, "quoted"\nname', "label": "1"},
            {"image": "plain", "label": "0"},
        ]


def test_csv_takes_a_path_that_is_not_utf_8(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{"image": os.fsdecode(b"x\xff.jpg")}])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()[1] == r"x\udcff.jpg"


@pytest.mark.parametrize("write", [write_json, write_csv])
@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no /dev/full")
def test_a_full_disk(write: object) -> None:
    value: object = {"a": 1} if write is write_json else [{"a": 1}]
    with pytest.raises(OutputError) as caught:
        write(FULL_DISK, value)  # type: ignore[operator]
    assert str(caught.value) == (
        "/dev/full: cannot be written (No space left on device); choose another place"
    )


@pytest.mark.parametrize("attempt", [writable_folder, writable_file, lambda f: write_csv(f, [])])
def test_a_place_below_a_file(tmp_path: Path, attempt: Callable[[Path], object]) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "deep" / "a.csv"
    named = place.parent if attempt is writable_file else place
    with pytest.raises(OutputError) as caught:
        attempt(place)
    assert str(caught.value) == (
        f"{named}: cannot be written (Not a directory); choose another place"
    )


def test_a_file_where_a_folder_is_due_and_the_other_way_round(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(OutputError) as caught:
        writable_folder(file)
    assert str(caught.value) == f"{file}: is a file; give a folder to write into"
    with pytest.raises(OutputError) as caught:
        writable_file(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is a folder; give the name of a file to write"
    assert file.read_text() == "kept"


def test_a_file_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.csv"
    file.write_text("kept")

    def denied(*_: object, **__: object) -> None:  # root may write every file
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(OutputError) as caught:
        writable_file(file)
    assert str(caught.value) == (
        f"{file}: cannot be written (Permission denied); choose another place"
    )


def test_finding_out_leaves_nothing_behind_and_harms_nothing(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.csv"
    assert writable_file(file) == file
    assert list(file.parent.iterdir()) == []
    file.write_text("kept")
    writable_file(file)
    assert writable_folder(tmp_path / "new") == tmp_path / "new"
    assert file.read_text() == "kept"
    assert list(file.parent.iterdir()) == [file]


def test_provenance_names_versions_and_no_path() -> None:
    made = provenance("some-model", {"detection": "auto"})
    assert made == {
        "steadyface": __version__,
        "model": "some-model",
        "options": {"detection": "auto"},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {
            name: version(name)
            for name in ("numpy", "opencv-python-headless", "onnxruntime", "pillow")
        },
    }
    assert "/" not in json.dumps(made)


def test_a_library_that_came_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(output, "version", unknown)
    assert set(provenance("m", {})["libraries"].values()) == {None}


@pytest.mark.parametrize(("right", "rows"), [(0, 5), (3, 7), (7, 7), (499, 500)])
def test_interval_of_a_share_is_scipys(right: int, rows: int) -> None:
    expected = binomtest(right, rows).proportion_ci(method="wilson")
    found = wilson_summary(np.arange(rows) < right)
    assert found == pytest.approx([expected.low, expected.high])


def test_no_observation_has_no_interval() -> None:
    assert wilson_summary(np.zeros(0, dtype=np.bool_)) is None


def test_figures_without_mated_or_non_mated_scores_are_not_measurable() -> None:
    some, none = np.array([0.5, 0.25], dtype=np.float32), np.zeros(0, dtype=np.float32)
    names = {"roc_auc", "eer", *(tar_name(rate) for rate in REPORTED_FMRS)}
    for mated, non_mated in ((some, none), (none, some), (none, none)):
        summary = verification_summary(mated, non_mated)
        assert (summary["mated"], summary["non_mated"]) == (len(mated), len(non_mated))
        assert {name: summary[name] for name in names} == dict.fromkeys(names)
    assert set(verification_summary(some, some)) == names | {"mated", "non_mated"}
    assert {tar_name(rate) for rate in REPORTED_FMRS} == {"tar_at_fmr_1e-02", "tar_at_fmr_1e-03"}
