"""Changing the key of a gallery: what opens it before, after and in the middle."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.gallery.shared import KEY, MODEL, MakeReferences, names, raw, unit

from steadyface.errors import GalleryKeyError, GalleryLockedError, UsageError
from steadyface.gallery import Gallery, GalleryMode, open_gallery
from steadyface.gallery.checking import read_everything
from steadyface.gallery.keys import NO_KEY
from steadyface.gallery.sqlite import SqliteGallery
from steadyface.types import Reference

pytest.importorskip("cryptography")

NEW_KEY = bytes(reversed(range(32)))

ROTATE = """
import sys
from steadyface.gallery import open_gallery
gallery = open_gallery(sys.argv[1], model_id=None, mode="write", key=bytes.fromhex(sys.argv[2]))
print("ready", flush=True)
gallery.rotate(bytes.fromhex(sys.argv[3]))
"""

ENROL = """
import os, sys
import numpy as np
from steadyface.gallery import open_gallery
from steadyface.types import Embedding, Reference
with open_gallery(sys.argv[1], model_id="face-v1", mode="create", timeout=20) as gallery:
    for number in range(25):
        angle = number + 100 * int(sys.argv[2])
        vector = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
        gallery.enroll(f"person {angle}", [Reference(Embedding(vector, "face-v1"))])
"""


def opened(path: Path, key: bytes, mode: GalleryMode = "read") -> SqliteGallery:
    gallery = open_gallery(path, model_id=MODEL, mode=mode, key=key)
    assert isinstance(gallery, SqliteGallery)
    return gallery


def content(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(path.parent.glob(f"{path.name}*")))


def stored(path: Path) -> list[bytes]:
    """Everything that is sealed in a gallery."""
    with raw(path) as database:
        rows = database.execute("SELECT vector, source, metadata FROM reference").fetchall()
        rows += database.execute("SELECT metadata, CAST(name AS BLOB) FROM identity").fetchall()
        rows += database.execute("SELECT actor FROM audit").fetchall()
    return [
        bytes(value, "utf-8") if isinstance(value, str) else value for row in rows for value in row
    ]


def fill(gallery: Gallery, references: list[Reference]) -> None:
    half = len(references) // 2
    gallery.enroll("Ann Unmistakable", references[:half], metadata={"x": "private note"})
    gallery.enroll("Ben Unmistakable", references[half:])


@pytest.mark.parametrize("old", [KEY, NO_KEY], ids=["encrypted", "plain"])
def test_a_new_key(tmp_path: Path, make_references: MakeReferences, old: bytes) -> None:
    path = tmp_path / "people.db"
    with opened(path, old, "create") as gallery:
        fill(gallery, make_references(40, dimension=128))
        before, marks = gallery.templates(), gallery.changes().mark
        former = stored(path)
        gallery.rotate(NEW_KEY)
        # While it is open; after closing, see below.
        found = content(path)
        assert not [value for value in former if len(value) > 15 and value[:24] in found]
        assert b"Unmistakable" not in found and b"private note" not in found
        assert gallery.encrypted and names(gallery) == list(before.names)
        assert gallery.changes(marks).complete
        assert [entry.action for entry in gallery.audit()] == ["enroll", "enroll", "rotate-key"]
        assert gallery.audit()[-1].references == 40
        assert gallery.revision() == 3
    assert b"Unmistakable" not in content(path)
    with pytest.raises(GalleryKeyError, match="no key is given" if old == NO_KEY else "is not the"):
        opened(path, old)
    with opened(path, NEW_KEY, "write") as gallery:
        read_everything(gallery)
        assert gallery.templates().vectors.tobytes() == before.vectors.tobytes()
        assert gallery.identity("Ann Unmistakable").metadata == {"x": "private note"}
        assert len(gallery.audit()) == 3
        # The digests are new as well: what is held is still known.
        assert gallery.enroll("Ann Unmistakable", make_references(40, dimension=128)).held == 20
    with raw(path) as database, pytest.raises(Exception, match="can only be appended to"):
        database.execute("UPDATE audit SET actor = 'nobody'")


def test_back_to_plain(tmp_path: Path, make_references: MakeReferences) -> None:
    path, twin = tmp_path / "people.db", tmp_path / "twin.db"
    for one, key in ((path, KEY), (twin, NO_KEY)):
        with opened(one, key, "create") as gallery:
            fill(gallery, make_references(6))
    with opened(path, KEY, "write") as gallery:
        former = stored(path)
        gallery.to_plain()
        assert not gallery.encrypted
        gallery.to_plain()  # nothing is left to do
        assert len(gallery.audit()) == 3
        assert not [value for value in former if value in content(path)]
    with raw(path) as mine, raw(twin) as other:
        for statement in (
            "SELECT id, name, metadata FROM identity",
            "SELECT id, identity_id, vector, source, metadata FROM reference",
            "SELECT value FROM meta WHERE key IN ('format', 'sealing')",
            "SELECT type, name, sql FROM sqlite_master ORDER BY name",
        ):
            assert mine.execute(statement).fetchall() == other.execute(statement).fetchall()
    with opened(path, NO_KEY) as gallery:
        assert names(gallery) == ["Ann Unmistakable", "Ben Unmistakable"]


def test_the_present_key_is_no_new_one(tmp_path: Path) -> None:
    with opened(tmp_path / "people.db", KEY, "create") as gallery:
        with pytest.raises(UsageError, match="the new key is the present one"):
            gallery.rotate(KEY)
        with pytest.raises(UsageError, match="the key has 3 bytes"):
            gallery.rotate(b"abc")
        gallery.rotate(NEW_KEY)
        with pytest.raises(UsageError, match="the new key is the present one"):
            gallery.rotate(NEW_KEY)


def test_only_who_may_write_changes_the_key(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    opened(path, KEY, "create").close()
    with opened(path, KEY) as gallery:
        with pytest.raises(UsageError, match="was opened for reading"):
            gallery.rotate(NEW_KEY)
        with pytest.raises(UsageError, match="was opened for reading"):
            gallery.to_plain()


@pytest.mark.parametrize("old", [KEY, NO_KEY], ids=["encrypted", "plain"])
def test_who_has_it_open_is_told(tmp_path: Path, old: bytes) -> None:
    path = tmp_path / "people.db"
    with opened(path, old, "create") as gallery, opened(path, old, "write") as other:
        gallery.enroll("Ann", [unit(1, 0)])
        assert names(other) == ["Ann"]
        gallery.rotate(NEW_KEY)
        for use in (other.templates, lambda: other.enroll("Ben", [unit(0, 1)]), other.to_plain):
            if use == other.to_plain and old == NO_KEY:
                continue
            with pytest.raises(GalleryKeyError) as caught:
                use()
            assert str(caught.value) == (
                f"{path}: somebody has changed its key since it was opened; open it again with the "
                "new one"
            )
        assert names(gallery) == ["Ann"]


def test_what_could_not_be_erased_is_said_and_made_up_for(
    tmp_path: Path, make_references: MakeReferences
) -> None:
    path = tmp_path / "people.db"
    with opened(path, NO_KEY, "create") as gallery:
        fill(gallery, make_references(6))
    with raw(path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM identity").fetchone()
        with open_gallery(path, model_id=MODEL, mode="write", timeout=0.1) as impatient:
            assert isinstance(impatient, SqliteGallery)
            with pytest.raises(GalleryLockedError, match="The key is changed all the same"):
                impatient.rotate(NEW_KEY)
        assert b"Unmistakable" in content(path)
    opened(path, NEW_KEY, "write").close()
    assert b"Unmistakable" not in content(path)


def test_killed_while_the_key_changes(tmp_path: Path, make_references: MakeReferences) -> None:
    path, references = tmp_path / "people.db", make_references(4000)
    with opened(path, KEY, "create") as gallery:
        fill(gallery, references)
    key, other, chance = KEY, NEW_KEY, random.Random()
    for _ in range(10):
        command = [sys.executable, "-c", ROTATE, str(path), key.hex(), other.hex()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None and running.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, 0.3))
            running.send_signal(signal.SIGKILL)
        with suppress(GalleryKeyError):
            opened(path, other).close()
            key, other = other, key  # it was done before it was killed
        with pytest.raises(GalleryKeyError):
            opened(path, other)
        with opened(path, key, "write") as gallery:
            assert read_everything(gallery).references == len(references)
            former = stored(path)[::500]
        with raw(path) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert not database.execute("SELECT 1 FROM meta WHERE key = 'erase'").fetchall()
        assert all(value in content(path) for value in former)


def test_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They make the gallery at once, under one key, and each reads what the others wrote."""
    path = tmp_path / "people.db"
    monkeypatch.setenv("STEADYFACE_GALLERY_KEY", KEY.hex())
    command = [sys.executable, "-c", ENROL, str(path)]
    running = [subprocess.Popen([*command, str(number)]) for number in range(4)]
    assert [one.wait() for one in running] == [0, 0, 0, 0]
    with opened(path, KEY) as gallery:
        assert read_everything(gallery).identities == 100
        assert gallery.templates().names == tuple(
            name for _, name in sorted((one.id, one.name) for one in gallery.identities())
        )
        assert names(gallery) == sorted(names(gallery))
