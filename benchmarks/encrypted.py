"""What sealing costs: an encrypted SQLite gallery beside a plain one of the same people.

    python -m benchmarks.encrypted

Enrols random unit vectors, ten references an identity, into a plain and an encrypted gallery in
turn, then opens each and reads its templates, also in turn: what every start of a search does.
Then gives the encrypted one another key. The peer is the plain gallery, and all times are ratios to
its times, since the machine is shared; nothing here depends on a model of faces. Writes
`results/encrypted.json`.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.results_file import ResultFile
from steadyface.gallery import open_gallery
from steadyface.gallery.keys import KEY_BYTES, NO_KEY
from steadyface.gallery.sqlite import SqliteGallery
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, FloatArray, Reference

REFERENCES = 100_000
AN_IDENTITY = 10
DIMENSION = 128
TURNS = 7
SEED = 0
#: Only a name here: it labels the galleries.
MODEL = load_catalog().default("face-network").id
PEER = "the same gallery without a key"


def main() -> None:
    """Measure and write the result."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    options = {
        "references": REFERENCES,
        "references_an_identity": AN_IDENTITY,
        "dimension": DIMENSION,
        "turns": TURNS,
        "seed": SEED,
        "peer": PEER,
        "cryptography": version("cryptography"),
    }
    result = ResultFile("encrypted", "python -m benchmarks.encrypted", MODEL, options)
    with tempfile.TemporaryDirectory() as folder:
        key = secrets.token_bytes(KEY_BYTES)
        galleries = {"plain": (Path(folder) / "plain.db", NO_KEY)}
        galleries["encrypted"] = (Path(folder) / "encrypted.db", key)
        enrolling = enrol_both(galleries)
        sizes = {name: path.stat().st_size for name, (path, _) in galleries.items()}
        reading = read_both(galleries)
        result.data["over_plain"] = {
            "enrolling": ratio(enrolling),
            "opening_and_reading_templates": ratio(reading),
            "bytes": round(sizes["encrypted"] / sizes["plain"], 3),
        }
        rotating = rotate(*galleries["encrypted"])
        result.data["changing_the_key_over_enrolling"] = round(rotating / enrolling["plain"], 3)
    result.save()
    print(result.data)


def enrol_both(galleries: dict[str, tuple[Path, bytes]]) -> dict[str, float]:
    """Enrol everyone into both, person by person; seconds of each."""
    rng = np.random.default_rng(SEED)
    vectors: FloatArray = rng.standard_normal((REFERENCES, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    opened = {name: made(*place) for name, place in galleries.items()}
    seconds = dict.fromkeys(galleries, 0.0)
    for number, mine in enumerate(np.split(vectors, REFERENCES // AN_IDENTITY)):
        references = [
            Reference(Embedding(vector, MODEL), f"images/{number}/{place}.jpg", quality=0.9)
            for place, vector in enumerate(mine)
        ]
        for name, gallery in opened.items():
            began = perf_counter()
            gallery.enroll(f"person {number}", references)
            seconds[name] += perf_counter() - began
    for gallery in opened.values():
        gallery.close()
    return seconds


def read_both(galleries: dict[str, tuple[Path, bytes]]) -> dict[str, float]:
    """Open and read both in turn; the median seconds of each."""

    def read(path: Path, key: bytes) -> Callable[[], Any]:
        def whole() -> Any:
            with open_gallery(path, model_id=MODEL, key=key) as gallery:
                return gallery.templates()

        return whole

    programs = {name: read(*place) for name, place in galleries.items()}
    plain, encrypted = (program() for program in programs.values())
    if plain.names != encrypted.names or not np.array_equal(plain.vectors, encrypted.vectors):
        raise SystemExit("the two galleries do not hold the same")
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(TURNS):
        for name, program in programs.items():
            began = perf_counter()
            program()
            seconds[name].append(perf_counter() - began)
    return {name: median(some) for name, some in seconds.items()}


def rotate(path: Path, key: bytes) -> float:
    """Give a gallery another key; how many seconds that takes, erasing included."""
    with open_gallery(path, model_id=MODEL, mode="write", key=key) as gallery:
        assert isinstance(gallery, SqliteGallery)
        began = perf_counter()
        gallery.rotate(secrets.token_bytes(KEY_BYTES))
        return perf_counter() - began


def made(path: Path, key: bytes) -> SqliteGallery:
    gallery = open_gallery(path, model_id=MODEL, mode="create", key=key)
    assert isinstance(gallery, SqliteGallery)
    return gallery


def ratio(seconds: dict[str, float]) -> float:
    return round(seconds["encrypted"] / seconds["plain"], 3)


if __name__ == "__main__":
    main()
