"""What the tests of galleries share. Every store of the factory gets the conformance tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from benchmarks.postgres_server import Server, raw_postgres, server
from tests.gallery.shared import (
    ENCRYPTED,
    KEY,
    MODEL,
    MakeReferences,
    OpenAgain,
    needs_server,
    open_file,
    unit,
)

from steadyface.gallery import Gallery, GalleryMode, open_gallery
from steadyface.gallery.factory import STORES
from steadyface.gallery.keys import KEY_VARIABLE
from steadyface.types import Embedding, Reference


def encrypted_url(request: pytest.FixtureRequest) -> str:
    """An SQLite gallery that is encrypted, under a key in the environment."""
    pytest.importorskip("cryptography")
    request.getfixturevalue("monkeypatch").setenv(KEY_VARIABLE, KEY.hex())
    return NEW_URL["sqlite"](request)


#: For each store, how a test gets the URL of a gallery that nobody else uses.
NEW_URL: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite": lambda request: (
        f"sqlite:///{quote(str(request.getfixturevalue('tmp_path') / 'people.db'))}"
    ),
    ENCRYPTED: encrypted_url,
    "postgresql": lambda request: str(request.getfixturevalue("postgres_url")),
}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server of PostgreSQL with pgvector, for all tests that do not stop it."""
    needs_server()
    with server() as running:
        yield running


@pytest.fixture
def another_url(gallery_url: str) -> Iterator[str]:
    """Beside `gallery_url`, the URL of another new gallery in the same store."""
    if gallery_url.startswith("sqlite:"):
        yield f"{gallery_url}.other"
        return
    yield f"{gallery_url}_other"
    with raw_postgres(gallery_url) as database:
        name = gallery_url.partition("gallery=")[2]
        database.execute(f"DROP SCHEMA IF EXISTS {name}_other CASCADE")


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """The URL of a gallery in a schema of its own, which is gone after the test."""
    gallery = f"test_{uuid.uuid4().hex}"
    yield postgres.url(gallery)
    with raw_postgres(postgres.url(gallery)) as database:
        database.execute(f"DROP SCHEMA IF EXISTS {gallery} CASCADE")


@pytest.fixture
def make_references() -> MakeReferences:
    """References with random vectors of length 1, by model `face-v1`, sources `0.jpg`, `1.jpg`."""

    def make(count: int, *, dimension: int = 8, seed: int = 0) -> list[Reference]:
        vectors = np.random.default_rng(seed).standard_normal((count, dimension))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return [
            Reference(Embedding(vector, MODEL), f"{number}.jpg", {"number": number})
            for number, vector in enumerate(vectors.astype(np.float32))
        ]

    return make


@pytest.fixture(params=sorted([*STORES, ENCRYPTED]))
def gallery_url(request: pytest.FixtureRequest) -> str:
    scheme: str = request.param
    if scheme not in NEW_URL:
        pytest.fail(f"the store {scheme!r} is new: add to NEW_URL how its tests get a gallery")
    return NEW_URL[scheme](request)


@pytest.fixture
def gallery(gallery_url: str) -> Iterator[Gallery]:
    """A new gallery of each store, open for writing."""
    with open_gallery(gallery_url, model_id=MODEL, mode="create") as opened:
        yield opened


@pytest.fixture
def open_again(gallery_url: str) -> Iterator[OpenAgain]:
    """Open the same gallery once more, beside any that are open."""
    opened: list[Gallery] = []

    def again(mode: GalleryMode = "read") -> Gallery:
        opened.append(open_gallery(gallery_url, model_id=MODEL, mode=mode))
        return opened[-1]

    yield again
    for one in opened:
        one.close()


@pytest.fixture
def vectors_of() -> Callable[[Sequence[Reference]], list[list[float]]]:
    """The vectors of references as plain lists, which compare exactly."""
    return lambda references: [r.embedding.vector.tolist() for r in references]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """An SQLite gallery file with one person."""
    path = tmp_path / "people.db"
    with open_file(path, "create") as gallery:
        gallery.enroll("Ann", [unit(1, 0, source="ann.jpg")])
    return path
