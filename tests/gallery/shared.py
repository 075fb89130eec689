"""Names and small functions that several tests of galleries use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from benchmarks.postgres_server import Server, raw_postgres

from steadyface.gallery import Gallery, GalleryMode, open_gallery
from steadyface.gallery.postgres_place import Place, parse_place
from steadyface.types import Embedding, Reference

MODEL = "face-v1"
#: What the conformance tests call an SQLite gallery under a key, and the key.
ENCRYPTED = "sqlite+key"
KEY = bytes(range(32))
MODES: tuple[GalleryMode, ...] = ("read", "write", "create")


class MakeReferences(Protocol):
    def __call__(self, count: int, *, dimension: int = 8, seed: int = 0) -> list[Reference]: ...


class OpenAgain(Protocol):
    def __call__(self, mode: GalleryMode = "read") -> Gallery: ...


def unit(*numbers: float, source: str = "") -> Reference:
    """A reference with this vector."""
    return Reference(Embedding(np.array(numbers, dtype=np.float32), MODEL), source)


def names(gallery: Gallery) -> list[str]:
    return [identity.name for identity in gallery.identities()]


def open_file(path: Path, mode: GalleryMode = "read", timeout: float = 5.0) -> Gallery:
    return open_gallery(path, model_id=MODEL, mode=mode, timeout=timeout)


def raw(path: Path) -> closing[sqlite3.Connection]:
    """The file as any SQLite program sees it."""
    return closing(sqlite3.connect(path, isolation_level=None))


def place_of(url: str) -> Place:
    """What a URL of PostgreSQL says."""
    return parse_place(url.partition("://")[2])


def erasing_is_due(url: str) -> bool:
    """Whether remains of removed identities are in a gallery of PostgreSQL."""
    with raw_postgres(url) as database:
        found = database.execute("SELECT FROM meta WHERE key LIKE 'erase%'").fetchall()
    return bool(found)


def postgres_files(server: Server) -> bytes:
    """What is in the files of all tables, once the server has written them."""
    with raw_postgres(server.url()) as database:
        database.execute("CHECKPOINT")
        ((folder,),) = database.execute(
            "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()"
        ).fetchall()
    return b"".join(path.read_bytes() for path in (server.folder / folder).iterdir())


def needs_server() -> None:
    """Skip a test where no wheel brings a server of PostgreSQL."""
    if find_spec("pgserver") is None:
        pytest.skip("needs pgserver, which has no wheel for this Python")


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    """A file with a key, or with something else."""
    path = folder / "gallery.key"
    path.write_text(text)
    path.chmod(mode)
    return path
