"""What is in the file of an encrypted gallery, and what becomes of it when it is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.gallery.shared import KEY, MODEL, MakeReferences, names, raw, unit

from steadyface.errors import GalleryCorruptError
from steadyface.gallery import Gallery, GalleryMode, open_gallery
from steadyface.gallery.checking import read_everything
from steadyface.gallery.keys import NO_KEY
from steadyface.gallery.transfer import export_gallery, import_gallery
from steadyface.types import Reference

pytest.importorskip("cryptography")

SECRETS = (b"Ann Unmistakable", b"Unmistakable", b"secret.jpg", b"private note", b"front desk")


def opened(path: Path, mode: GalleryMode = "read", key: bytes = KEY) -> Gallery:
    return open_gallery(path, model_id=MODEL, mode=mode, key=key, actor="front desk")


def content(path: Path) -> bytes:
    """Everything the gallery keeps on disk, beside it included."""
    return b"".join(one.read_bytes() for one in sorted(path.parent.glob(f"{path.name}*")))


def secret(reference: Reference) -> Reference:
    return Reference(reference.embedding, "secret.jpg", {"note": "private note"}, quality=0.5)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """Two people with two references each."""
    path = tmp_path / "sealed.db"
    with opened(path, "create") as gallery:
        gallery.enroll("Ann", [unit(1, 0, source="a"), unit(0, 1, source="b")])
        gallery.enroll("Ben", [unit(-1, 0, source="c"), unit(0, -1, source="d")])
    return path


# --- what is in the file --------------------------------------------------------------------------


def test_nothing_of_the_people_is_in_the_files(
    tmp_path: Path, make_references: MakeReferences
) -> None:
    path, references = tmp_path / "sealed.db", make_references(20, dimension=128)
    metadata = {"note": "private note"}
    pieces = [reference.embedding.vector.tobytes() for reference in references]

    def check() -> None:
        found = content(path)
        assert not [one for one in SECRETS if one in found]
        assert not [one for vector in pieces for one in (vector[:16], vector[-8:]) if one in found]

    with opened(path, "create") as gallery:
        gallery.enroll("Ann Unmistakable", [secret(r) for r in references], metadata=metadata)
        check()
        gallery.enroll("Ben", [secret(r) for r in references[:2]])
        gallery.rename("Ann Unmistakable", "Unmistakable")
        gallery.describe("Ben", metadata)
        check()
        gallery.remove("Ben")
        check()
    check()
    with opened(path) as gallery:
        (identity,) = gallery.identities()
        assert (identity.name, identity.metadata) == ("Unmistakable", metadata)
        found = gallery.references("Unmistakable")
        assert [r.embedding.vector.tobytes() for r in found] == pieces
        assert {r.source for r in found} == {"secret.jpg"}
        assert {entry.actor for entry in gallery.audit()} == {"front desk"}


def test_pages_are_by_name(tmp_path: Path) -> None:
    everybody = ["é", "Zoe", "ann", "Ben", "\U0001f600", "\uffee", "10", "9"]
    pages = {}
    for path, key in ((tmp_path / "sealed.db", KEY), (tmp_path / "plain.db", NO_KEY)):
        with opened(path, "create", key) as gallery:
            for number, name in enumerate(everybody):
                gallery.enroll(name, [unit(np.cos(number), np.sin(number))])
            pages[key] = [
                [one.name for one in gallery.identities(limit=limit, offset=offset)]
                for limit in (None, 0, 1, 3, 100)
                for offset in (0, 1, 5, 100)
            ]
    assert pages[KEY] == pages[NO_KEY]


def test_every_value_is_sealed_anew(sealed: Path) -> None:
    with raw(sealed) as database:
        rows = database.execute("SELECT vector, source, metadata FROM reference").fetchall()
        rows += database.execute("SELECT metadata FROM identity").fetchall()
        rows += database.execute("SELECT actor FROM audit").fetchall()
    values = [value for row in rows for value in row]
    assert all(isinstance(value, bytes) for value in values)
    assert len(set(values)) == len(values) == 4 * 3 + 2 + 2


def test_a_plain_gallery_is_stored_as_before(people: Path) -> None:
    with raw(people) as database:
        assert database.execute("SELECT id, name, metadata FROM identity").fetchall() == [
            (1, "Ann", "{}")
        ]
        assert database.execute(
            "SELECT id, source, metadata, vector FROM reference"
        ).fetchall() == [(1, "ann.jpg", "{}", np.array([1, 0], "<f4").tobytes())]
        assert {key for (key,) in database.execute("SELECT key FROM meta")} == {
            *("format", "model_id", "revision", "dimension")
        }


def test_a_steadyface_without_keys_says_so(sealed: Path) -> None:
    with raw(sealed) as database:
        rows = dict(database.execute("SELECT key, value FROM meta").fetchall())
    assert rows["format"] != "float32-le"  # what every earlier steadyface checks


# --- what was changed -----------------------------------------------------------------------------

Change = tuple[str, str]
CHANGES: dict[str, Change] = {
    "a bit of a vector": (
        "UPDATE reference SET vector = CAST(substr(vector, 1, 30) || x'00' || substr(vector, 32)"
        " AS BLOB) WHERE id = 2",
        "the vector of reference 2",
    ),
    "the digest of a vector": (
        "UPDATE reference SET vector = CAST(x'00' || substr(vector, 2) AS BLOB) WHERE id = 2",
        "the vector of reference 2",
    ),
    "a vector from elsewhere": (
        "UPDATE reference SET vector = (SELECT vector FROM reference WHERE id = 3) WHERE id = 2",
        "the vector of reference 2",
    ),
    "a source from elsewhere": (
        "UPDATE reference SET source = (SELECT source FROM reference WHERE id = 3) WHERE id = 2",
        "the source of reference 2",
    ),
    "metadata where the source belongs": (
        "UPDATE reference SET source = metadata WHERE id = 2",
        "the source of reference 2",
    ),
    "a plain source": (
        "UPDATE reference SET source = 'b' WHERE id = 2",
        "the source of reference 2",
    ),
    "no metadata": (
        "UPDATE reference SET metadata = x'' WHERE id = 2",
        "the metadata of reference 2",
    ),
    "Ben's reference given to Ann": (
        "UPDATE reference SET identity_id = 1 WHERE id = 3",
        "the vector of reference 3",
    ),
    "names exchanged": (
        "UPDATE identity SET metadata = (SELECT i.metadata FROM identity AS i WHERE"
        " i.id = 3 - identity.id)",
        "the profile of identity 1",
    ),
    "the digest of a name": (
        "UPDATE identity SET name = 'ann' WHERE id = 1",
        "the name of identity 1",
    ),
    "another actor": (
        "INSERT INTO audit (moment, actor, action, identity_id, reference_count)"
        " SELECT moment, actor, 'remove', identity_id, reference_count FROM audit LIMIT 1",
        "the actor of audit 3",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_noticed(sealed: Path, change: str) -> None:
    statement, place = CHANGES[change]
    with raw(sealed) as database:
        database.execute(statement)
    with opened(sealed) as gallery, pytest.raises(GalleryCorruptError) as caught:
        read_everything(gallery)
        gallery.audit()
    assert str(caught.value).startswith(f"{sealed}: not a steadyface gallery, or damaged ({place} ")


Read = Callable[[Gallery], object]


@pytest.mark.parametrize(
    "read",
    [
        lambda gallery: gallery.templates(),
        lambda gallery: gallery.changes(),
        lambda gallery: gallery.references("Ann"),
    ],
)
def test_every_way_to_read_notices_it(sealed: Path, read: Read) -> None:
    with raw(sealed) as database:
        database.execute(CHANGES["a bit of a vector"][0])
    with opened(sealed) as gallery:
        with pytest.raises(GalleryCorruptError, match="the vector of reference 2"):
            read(gallery)
        assert names(gallery) == ["Ann", "Ben"]


# --- in and out -----------------------------------------------------------------------------------


def test_export_and_import_between_encrypted_and_plain(
    sealed: Path, tmp_path: Path, make_references: MakeReferences
) -> None:
    portable, plain, again = (tmp_path / name for name in ("a.zip", "plain.db", "again.db"))
    with opened(sealed, "write") as gallery:
        gallery.describe("Ann", {"team": "blue"})
        export_gallery(gallery, portable)
        before = everything(gallery)
    with open_gallery(plain, model_id=MODEL, mode="create") as gallery:
        import_gallery(gallery, portable)
        assert everything(gallery) == before
        export_gallery(gallery, portable)
    with opened(again, "create") as gallery:
        import_gallery(gallery, portable)
        assert everything(gallery) == before


def everything(gallery: Gallery) -> list[object]:
    return [
        (
            one.name,
            one.metadata,
            [
                (r.embedding.vector.tolist(), r.source, r.metadata)
                for r in gallery.references(one.name)
            ],
        )
        for one in gallery.identities()
    ]
