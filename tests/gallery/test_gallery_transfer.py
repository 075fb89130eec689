"""Portable files that are not as they should be: refused, with nothing enrolled."""

from __future__ import annotations

import io
import json
import os
import random
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.gallery.shared import MakeReferences, open_file, unit

from steadyface.errors import (
    GalleryCorruptError,
    GalleryError,
    GalleryNotFoundError,
    SteadyfaceError,
    UsageError,
)
from steadyface.gallery import Counts, Gallery, NewPerson
from steadyface.gallery.transfer import export_gallery, import_gallery

Document = dict[str, Any]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A file of Ann with two references and Ben with one."""
    file = tmp_path / "people.zip"
    with open_file(tmp_path / "people.db", "create") as gallery:
        gallery.enroll("Ann", [unit(1, 0), unit(0, 1)], metadata={"a": 1})
        gallery.enroll("Ben", [unit(0, -1)])
        export_gallery(gallery, file)
    return file


@pytest.fixture
def target(tmp_path: Path) -> Gallery:
    return open_file(tmp_path / "target.db", "create")


def rewrite(
    file: Path,
    *,
    document: Callable[[Document], object] | None = None,
    vectors: NDArray[Any] | bytes | None = None,
    compression: int = zipfile.ZIP_STORED,
    extra: str | None = None,
) -> None:
    """Write the file anew with another document or matrix."""
    with zipfile.ZipFile(file) as archive:
        content = json.loads(archive.read("gallery.json"))
        matrix = archive.read("vectors.npy")
    if document is not None:
        replaced = document(content)
        content = content if replaced is None else replaced
    if isinstance(vectors, bytes):
        matrix = vectors
    elif vectors is not None:
        stream = io.BytesIO()
        np.save(stream, vectors)
        matrix = stream.getvalue()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(
            "gallery.json", content if isinstance(content, str) else json.dumps(content)
        )
        archive.writestr("vectors.npy", matrix)
        if extra is not None:
            archive.writestr(extra, "x")


def refused(target: Gallery, file: Path, detail: str) -> None:
    with pytest.raises(GalleryCorruptError) as caught:
        import_gallery(target, file)
    message = str(caught.value)
    assert message.startswith(f"{file}: not an exported gallery, or damaged ({detail}")
    assert message.endswith("); export the gallery again")
    assert target.count() == Counts(0, 0)


def test_the_file_as_the_tests_rewrite_it_is_good(exported: Path, target: Gallery) -> None:
    rewrite(exported)
    assert import_gallery(target, exported).added == 3


MATRIX = np.array([[1, 0], [0, 1], [0, -1]], dtype=np.float32)


@pytest.mark.parametrize(
    ("vectors", "detail"),
    [
        (MATRIX[:2], "vectors.npy is not a matrix of 3 x 2 float32"),
        (MATRIX[:, :1], "vectors.npy is not a matrix of 3 x 2 float32"),
        (MATRIX.ravel(), "vectors.npy is not a matrix of 3 x 2 float32"),
        (MATRIX.astype(np.float64), "vectors.npy is not a matrix of 3 x 2 float32"),
        (MATRIX.astype(">f4"), "vectors.npy is not a matrix of 3 x 2 float32"),
        (np.asfortranarray(MATRIX), "vectors.npy is not a matrix of 3 x 2 float32"),
        (MATRIX.astype(object), "vectors.npy is not a matrix of 3 x 2 float32"),
        (b"", "vectors.npy is not a matrix of 3 x 2 float32"),
        (b"\x93NUMPY\x01\x00\xff\xff", "vectors.npy is not a matrix of 3 x 2 float32"),
        (MATRIX * np.float32(2), "vector 0 is not of length 1"),
        (np.array([[1, 0], [np.nan, 1], [0, -1]], np.float32), "vector 1 is not of length 1"),
        (np.array([[1, 0], [0, 1], [0, -np.inf]], np.float32), "vector 2 is not of length 1"),
    ],
)
def test_vectors_that_are_not_as_counted(
    exported: Path, target: Gallery, vectors: NDArray[Any] | bytes, detail: str
) -> None:
    rewrite(exported, vectors=vectors)
    refused(target, exported, detail)


@pytest.mark.parametrize("change", [b"", b"more"])
def test_numbers_that_are_not_as_many_as_declared(
    exported: Path, target: Gallery, change: bytes
) -> None:
    stream = io.BytesIO()
    np.save(stream, MATRIX)
    whole = stream.getvalue()
    rewrite(exported, vectors=whole + change if change else whole[:-4])
    refused(target, exported, "vectors.npy does not have 24 bytes of numbers")


def put(value: Any, *path: str | int) -> Callable[[Document], None]:
    """Replace what is at a place of the document."""

    def change(document: Document) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


ANN = ("identities", 0)
FIRST = (*ANN, "references", 0)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda _: [1], "gallery.json is not a JSON object"),
        (lambda _: "{", "Expecting property name"),
        (lambda _: '{"schema": NaN}', "gallery.json holds NaN, which is no JSON"),
        (lambda _: "[" * 10**6, "gallery.json is nested too deeply"),
        (lambda _: {}, "'schema' is missing or of the wrong kind"),
        (put("else/1", "schema"), "its schema is 'else/1' instead of 'steadyface/gallery/1'"),
        (put(None, "model_id"), "'model_id' is missing or of the wrong kind"),
        (put({}, "identities"), "'identities' is missing or of the wrong kind"),
        (put("2", "dimension"), "'dimension' is missing or of the wrong kind"),
        (put(True, "dimension"), "'dimension' is missing or of the wrong kind"),
        (put(-2, "dimension"), "the dimension is -2 for 3 references"),
        (put(0, "dimension"), "the dimension is 0 for 3 references"),
        (put(10**30, "dimension"), "vectors.npy is not a matrix of 3 x 1000"),
        (put([], "identities"), "the dimension is 2 for 0 references"),
        (put(7, *ANN), "an identity is not a JSON object"),
        (put(" ", *ANN, "name"), "' ' is no name for an identity: it is blank"),
        (put([], *ANN, "metadata"), "'metadata' is missing or of the wrong kind"),
        (put(None, *ANN, "references"), "'references' is missing or of the wrong kind"),
        (put([], *ANN, "references"), "vectors.npy is not a matrix of 1 x 2 float32"),
        (put(None, *FIRST), "a reference is not a JSON object"),
        (put(None, *FIRST, "source"), "'source' is missing or of the wrong kind"),
        (put("x", *FIRST, "metadata"), "'metadata' is missing or of the wrong kind"),
        (put("good", *FIRST, "quality"), "'quality' is missing or of the wrong kind"),
        (put(1.5, *FIRST, "quality"), "a quality is 1.5"),
        (put(7, *FIRST, "calibration"), "'calibration' is missing or of the wrong kind"),
    ],
)
def test_documents_that_are_not_as_they_should_be(
    exported: Path, target: Gallery, change: Callable[[Document], object], detail: str
) -> None:
    rewrite(exported, document=change)
    refused(target, exported, detail)


@pytest.mark.parametrize(
    ("number", "detail"),
    [
        ("1e999", "gallery.json holds 1e999, which is too large a number"),
        ("-1e999", "gallery.json holds -1e999, which is too large a number"),
        ("NaN", "gallery.json holds NaN, which is no JSON"),
        ("-Infinity", "gallery.json holds -Infinity, which is no JSON"),
    ],
)
def test_metadata_that_no_gallery_takes_are_found_before_anybody_is_stored(
    tmp_path: Path, target: Gallery, make_references: MakeReferences, number: str, detail: str
) -> None:
    file = tmp_path / "many.zip"
    references = make_references(1100)
    with open_file(tmp_path / "many.db", "create") as gallery:
        gallery.enroll_many(
            NewPerson(f"person {row}", [reference], {"row": row})
            for row, reference in enumerate(references)
        )
        export_gallery(gallery, file)
    rewrite(
        file, document=lambda whole: json.dumps(whole).replace('"row": 1099', f'"row": {number}')
    )
    refused(target, file, detail)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            put("steadyface/gallery/2", "schema"),
            "has the schema 'steadyface/gallery/2', this steadyface reads 'steadyface/gallery/1'",
        ),
        (put("aes-gcm", "format"), "its vectors are written as 'aes-gcm'"),
    ],
)
def test_a_file_of_a_newer_steadyface(
    exported: Path, target: Gallery, change: Callable[[Document], object], what: str
) -> None:
    rewrite(exported, document=change)
    with pytest.raises(GalleryError) as caught:
        import_gallery(target, exported)
    assert str(caught.value) == f"{exported}: {what}; upgrade steadyface"


def test_what_could_unfold_is_not_unfolded(exported: Path, target: Gallery) -> None:
    rewrite(exported, document=lambda _: " " * 10**7, compression=zipfile.ZIP_DEFLATED)
    refused(target, exported, "gallery.json is compressed")


def test_a_size_that_the_file_cannot_have(exported: Path, target: Gallery) -> None:
    content = exported.read_bytes()
    with zipfile.ZipFile(exported) as archive:
        info = archive.getinfo("gallery.json")
    size = info.file_size.to_bytes(4, "little")
    exported.write_bytes(content.replace(size, (2**31).to_bytes(4, "little")))
    refused(target, exported, "it declares more bytes than it has")


@pytest.mark.parametrize("extra", ["more.txt", "../gallery.json"])
def test_members_that_do_not_belong_there(exported: Path, target: Gallery, extra: str) -> None:
    rewrite(exported, extra=extra)
    refused(target, exported, "it does not hold gallery.json and vectors.npy alone")


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x05\x06" + bytes(18), b"PK\3\4" * 100])
def test_files_of_something_else(tmp_path: Path, target: Gallery, content: bytes) -> None:
    file = tmp_path / "other.zip"
    file.write_bytes(content)
    refused(target, file, "")


def test_truncated_files(exported: Path, target: Gallery) -> None:
    content = exported.read_bytes()
    for size in range(0, len(content), 7):
        exported.write_bytes(content[:size])
        refused(target, exported, "")


def test_damaged_bytes_are_noticed_or_do_not_matter(
    exported: Path, tmp_path: Path, target: Gallery
) -> None:
    content, chance = exported.read_bytes(), random.Random(0)
    noticed = 0
    for number in range(1500):
        damaged = bytearray(content)
        start = chance.randrange(len(damaged))
        length = chance.choice((1, 2, 8))
        damaged[start : start + length] = chance.randbytes(len(damaged[start : start + length]))
        exported.write_bytes(damaged)
        try:
            import_gallery(target, exported)
        except SteadyfaceError as error:
            noticed += 1
            assert str(exported) in str(error), number
            assert "\n" not in str(error)
    # CRC-32 covers both members: what was let through was right.
    assert target.templates().vectors.tolist() == MATRIX.tolist()
    assert 0 < noticed < 1500


def test_files_that_cannot_be_reached(tmp_path: Path, target: Gallery) -> None:
    missing = tmp_path / "missing.zip"
    with pytest.raises(GalleryNotFoundError) as caught:
        import_gallery(target, missing)
    assert str(caught.value) == f"{missing}: no such file; give one that `export_gallery` wrote"
    with pytest.raises(GalleryError) as caught_folder:
        import_gallery(target, tmp_path)
    assert str(caught_folder.value) == (
        f"{tmp_path}: cannot be read (Is a directory); choose another file or ask for access"
    )


def test_the_gallery_itself_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    with open_file(path, "create") as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
        with pytest.raises(UsageError) as caught:
            export_gallery(gallery, tmp_path / "." / "people.db")
        assert str(caught.value) == (
            f"{path}: is the gallery itself; choose another file to export it to"
        )
        assert gallery.count() == Counts(1, 1)


def test_an_export_that_fails_leaves_the_file_that_was_there(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = exported.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with (
        open_file(tmp_path / "people.db") as gallery,
        pytest.raises(SteadyfaceError, match=r"cannot be written \(No space left on device\)"),
    ):
        export_gallery(gallery, exported)
    assert exported.read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions and links")
def test_what_is_beside_the_file_is_not_written_to(tmp_path: Path) -> None:
    file, other = tmp_path / "people.zip", tmp_path / "other"
    other.write_text("mine")
    part = tmp_path / "people.zip.part"
    part.symlink_to(other)
    with open_file(tmp_path / "people.db", "create") as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
        export_gallery(gallery, file)
        assert other.read_text() == "mine" and part.is_symlink()
        part.unlink()
        part.touch(0o644)
        export_gallery(gallery, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert part.read_bytes() == b""


def test_two_exports_to_one_file_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Gallery
) -> None:
    file, write = tmp_path / "people.zip", np.lib.format.write_array
    with open_file(tmp_path / "people.db", "create") as gallery:
        gallery.enroll("Ann", [unit(1, 0)])

        def amid(*arguments: Any, **more: Any) -> None:
            """Another export begins and ends while the vectors of the first are written."""
            monkeypatch.setattr(np.lib.format, "write_array", write)
            export_gallery(gallery, file)
            write(*arguments, **more)

        monkeypatch.setattr(np.lib.format, "write_array", amid)
        export_gallery(gallery, file)
    assert import_gallery(target, file).added == 1
    assert not list(tmp_path.glob("*.part"))
