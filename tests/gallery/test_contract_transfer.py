"""Conformance of every store of the factory: out into a portable file, and in again."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.gallery.shared import MODEL, MakeReferences, OpenAgain, names, unit

from steadyface.errors import GalleryLockedError, GalleryModelError, OutputError, UsageError
from steadyface.gallery import Counts, Gallery
from steadyface.gallery.transfer import Imported, export_gallery, import_gallery
from steadyface.types import Embedding, Reference


@pytest.fixture
def full(gallery: Gallery, make_references: MakeReferences) -> Gallery:
    """A gallery of three people, one of whom has no references."""
    zoe = [
        replace(reference, quality=quality, calibration=calibration)
        for reference, quality, calibration in zip(
            make_references(3), (0.1, None, 1.0), ("celeba/1", "celeba/1", None), strict=True
        )
    ]
    gallery.enroll("Zoë", zoe, metadata={"room": "été \ud800", "deep": [{"n": None}]})
    gallery.enroll("Empty", make_references(1, seed=1))
    gallery.enroll("山田 'Bob'", make_references(2, seed=2))
    gallery.remove_references("Empty", [gallery.references("Empty")[0].id])
    return gallery


def values(gallery: Gallery) -> list[Any]:
    """Everything that a portable file brings over."""
    return [
        (
            name,
            gallery.identity(name).metadata,
            [
                (r.embedding.vector.tolist(), r.source, dict(r.metadata), r.quality, r.calibration)
                for r in gallery.references(name)
            ],
        )
        for name in gallery.templates().names
        if gallery.references(name)
    ]


def test_what_goes_out_comes_in(full: Gallery, tmp_path: Path) -> None:
    file, before = tmp_path / "people.zip", values(full)
    assert export_gallery(full, file) == Counts(identities=3, references=5)
    full.remove(*names(full))
    assert import_gallery(full, file) == Imported(added=5, held=0, identities=2)
    assert values(full) == before
    assert full.templates().names == ("Zoë", "山田 'Bob'")


def test_importing_again_stores_nothing_twice(full: Gallery, tmp_path: Path) -> None:
    file = tmp_path / "people.zip"
    export_gallery(full, file)
    kept = full.references("Zoë")[0].id
    full.remove_references("Zoë", [r.id for r in full.references("Zoë") if r.id != kept])
    full.remove("山田 'Bob'")
    assert import_gallery(full, file) == Imported(added=4, held=1, identities=2)
    before, revision = values(full), full.revision()
    assert import_gallery(full, file) == Imported(added=0, held=5, identities=2)
    assert (values(full), full.revision()) == (before, revision)


def test_metadata_of_the_file_replaces_unless_it_is_empty(full: Gallery, tmp_path: Path) -> None:
    file = tmp_path / "people.zip"
    export_gallery(full, file)
    before = full.identity("Zoë").metadata
    for name in ("Zoë", "山田 'Bob'"):
        full.describe(name, {"mine": 1})
    import_gallery(full, file)
    assert full.identity("Zoë").metadata == before
    assert full.identity("山田 'Bob'").metadata == {"mine": 1}


def test_times_of_enrolment_are_those_of_the_import(full: Gallery, tmp_path: Path) -> None:
    file = tmp_path / "people.zip"
    before = full.references("Zoë")[0]
    export_gallery(full, file)
    full.remove("Zoë")
    import_gallery(full, file)
    assert full.references("Zoë")[0].enrolled_at > before.enrolled_at
    assert full.identity("Zoë").enrolled_at > before.enrolled_at


def test_what_the_file_is(full: Gallery, tmp_path: Path) -> None:
    file = tmp_path / "people.zip"
    export_gallery(full, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["gallery.json", "vectors.npy"]
        assert archive.testzip() is None
        document = json.loads(archive.read("gallery.json"))
        with archive.open("vectors.npy") as member:
            vectors = np.lib.format.read_array(member, allow_pickle=False)
    assert vectors.dtype == np.dtype("<f4")
    assert vectors.tolist() == full.templates().vectors.tolist()
    assert {key: document[key] for key in document if key != "identities"} == {
        "schema": "steadyface/gallery/1",
        "model_id": MODEL,
        "format": "float32-le",
        "dimension": 8,
    }
    assert [person["name"] for person in document["identities"]] == ["Zoë", "Empty", "山田 'Bob'"]
    zoe = full.identity("Zoë")
    first = full.references("Zoë")[0]
    assert document["identities"][0]["enrolled_at"] == zoe.enrolled_at.isoformat(
        timespec="microseconds"
    )
    assert document["identities"][0]["references"][0] == {
        "id": first.id,
        "source": "0.jpg",
        "metadata": {"number": 0},
        "quality": 0.1,
        "calibration": "celeba/1",
        "enrolled_at": first.enrolled_at.isoformat(timespec="microseconds"),
    }


def test_an_empty_gallery(gallery: Gallery, tmp_path: Path) -> None:
    file = tmp_path / "people.zip"
    assert export_gallery(gallery, file) == Counts(0, 0)
    assert import_gallery(gallery, file) == Imported(0, 0, 0)


def test_a_gallery_open_for_reading_is_exported(
    full: Gallery, open_again: OpenAgain, tmp_path: Path
) -> None:
    file = tmp_path / "people.zip"
    file.write_bytes(b"what was there before")
    assert export_gallery(open_again(), file).references == 5
    with pytest.raises(UsageError, match="was opened for reading"):
        import_gallery(open_again(), file)


def test_a_gallery_of_another_model(full: Gallery, tmp_path: Path) -> None:
    file = tmp_path / "people.zip"
    export_gallery(full, file)
    held = full.references("Zoë")[0].id
    vector = np.array([1, 0], dtype=np.float32)
    full.replace_all("face-v2", {held: Reference(Embedding(vector, "face-v2"))})
    with pytest.raises(GalleryModelError) as caught:
        import_gallery(full, file)
    assert str(caught.value) == (
        f"{file}: holds embeddings of the model 'face-v1', but {full.location} holds those of "
        "'face-v2', and they do not compare; import it into a gallery made with 'face-v1'"
    )


class Disturbed:
    """A gallery that others change whenever it is listed, so many times."""

    def __init__(self, gallery: Gallery, change: Callable[[int], object], times: int) -> None:
        self._gallery, self._change, self._left = gallery, change, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gallery, name)

    def identities(self) -> Any:
        found = self._gallery.identities()
        if self._left:
            self._left -= 1
            self._change(self._left)
        return found


def test_changes_meanwhile_do_not_tear_the_file(
    full: Gallery, open_again: OpenAgain, tmp_path: Path
) -> None:
    file, other = tmp_path / "people.zip", open_again("write")
    changes: list[Callable[[int], object]] = [
        lambda left: other.enroll(f"new {left}", [unit(1, *[0] * 7)]),
        lambda left: other.remove(f"new {left}"),
    ]
    for change in changes:
        disturbed: Any = Disturbed(full, change, 2)
        assert export_gallery(disturbed, file) == full.count()
    endless: Any = Disturbed(full, changes[0], 100)
    file.unlink()
    with pytest.raises(GalleryLockedError) as caught:
        export_gallery(endless, file)
    assert str(caught.value) == (
        f"{full.location}: other processes changed the gallery while it was exported, 5 times in a "
        "row; try again when they have finished"
    )
    assert not file.exists()


def test_a_place_that_cannot_be_written(full: Gallery, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    folder = tmp_path / "nowhere" / "people.zip"
    with pytest.raises(OutputError) as caught:
        export_gallery(full, folder)
    assert str(caught.value) == (
        f"{folder}: cannot be written (No such file or directory); choose another file or free "
        "some space"
    )
    taken = tmp_path / "folder"
    taken.mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        export_gallery(full, taken)
    taken.rmdir()
    assert sorted(tmp_path.iterdir()) == before
