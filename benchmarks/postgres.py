"""Galleries in PostgreSQL: many clients, the index, and a server that stops amid enrolments.

    python -m benchmarks.postgres

Starts a server from the wheel `pgserver`, enrols random unit vectors, two an identity, while the
server is stopped without warning and started again, and counts acknowledged enrolments that are
gone. Then 16 clients search for noisy copies of references at once. Times are ratios to psycopg
itself, one client that asks the same exact query one after another; nothing here depends on a model
of faces. Random vectors are the hardest for the index. Writes `results/postgres.json`.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from benchmarks.postgres_server import Server, raw_postgres, server
from benchmarks.results_file import ResultFile
from steadyface.errors import GalleryError
from steadyface.gallery.postgres import PostgresGallery
from steadyface.gallery.postgres_connection import EFFORT
from steadyface.gallery.postgres_open import open_postgres
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, FloatArray, Reference

REFERENCES = 20_000
AN_IDENTITY = 2
DIMENSION = 128
SEARCHES = 1_000
CLIENTS = 16
ENROLLERS = 4
#: Length of the noise on a searched reference, whose own length is 1: a similarity of about 0.45,
#: as between two images of a person.
NOISE = 2.0
SEED = 0
#: Only a name here: it labels the gallery.
MODEL = load_catalog().default("face-network").id
PEER = "psycopg, one client, exact, one after another"


class Answer(NamedTuple):
    """One search: how long it took, and the reference's id; None where it failed."""

    seconds: float
    found: int | None


def main() -> None:
    """Measure and write the result."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    options = {
        "references": REFERENCES,
        "references_an_identity": AN_IDENTITY,
        "dimension": DIMENSION,
        "searches": SEARCHES,
        "clients": CLIENTS,
        "effort": EFFORT,
        "noise": NOISE,
        "seed": SEED,
        "peer": PEER,
    }
    result = ResultFile("postgres", "python -m benchmarks.postgres", MODEL, options)
    rng = np.random.default_rng(SEED)
    vectors = units(rng.standard_normal((REFERENCES, DIMENSION)))
    truth = rng.choice(REFERENCES, SEARCHES, replace=False)
    noise = units(rng.standard_normal((SEARCHES, DIMENSION)))
    probes = units(vectors[truth] + NOISE * noise)
    with server() as running, opened(running) as gallery:
        result.data["server"] = versions(running)
        result.data["enrolment"] = enrol_all(running, gallery, vectors)
        gallery.build_index()
        alone = one_client(running, gallery, probes)
        peer = alone["peer"]
        for name in ("exact", "index"):
            result.data[name] = {
                "recall_at_1": share_same(alone[name], peer),
                "one_client": ratios(alone[name], peer),
                "clients": at_once(gallery, probes, peer, approximate=name == "index"),
            }
    result.save()
    for part in ("enrolment", "exact", "index"):
        print(part, result.data[part])


def units(vectors: Any) -> FloatArray:
    """Vectors of length 1."""
    scaled: FloatArray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")
    return scaled


def opened(running: Server) -> PostgresGallery:
    rest = running.url("people").partition("://")[2]
    return open_postgres(rest, model_id=MODEL, mode="create", timeout=30)


def versions(running: Server) -> dict[str, str]:
    with raw_postgres(running.url("people")) as database:
        ((server_version, vector),) = database.execute(
            "SELECT current_setting('server_version'),"
            " (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
        ).fetchall()
    return {"postgresql": server_version, "pgvector": vector}


def enrol_all(running: Server, gallery: PostgresGallery, vectors: FloatArray) -> dict[str, Any]:
    """Enrol everyone while the server stops once; what was acknowledged, and what of it is gone."""
    people = list(enumerate(np.split(vectors, REFERENCES // AN_IDENTITY)))
    acknowledged: list[str] = []
    halfway = threading.Event()

    def enrol(person: tuple[int, FloatArray]) -> int:
        number, mine = person
        name = f"person {number}"
        references = [Reference(Embedding(v, MODEL)) for v in mine]
        for failures in range(20):  # what a client does that wants everyone in
            try:
                gallery.enroll(name, references)
            except GalleryError:
                time.sleep(0.2)
                continue
            acknowledged.append(name)
            if len(acknowledged) == len(people) // 2:
                halfway.set()
            return failures
        raise SystemExit(f"{name} could not be enrolled")

    with ThreadPoolExecutor(ENROLLERS) as pool:
        failures = pool.map(enrol, people)
        halfway.wait()
        before = set(acknowledged)
        running.stop()
        running.start()
        after = {identity.name for identity in gallery.identities()}
        refused = sum(failures)
    counts = gallery.count()
    return {
        "acknowledged_before_the_stop": len(before),
        "calls_that_raised": refused,
        "acknowledged": len(acknowledged),
        "lost": len(before - after)
        + len(set(acknowledged) - {one.name for one in gallery.identities()}),
        "stored_twice": counts.references - REFERENCES,
    }


def one_client(
    running: Server, gallery: PostgresGallery, probes: FloatArray
) -> dict[str, list[Answer]]:
    """Every search by the peer, exactly and through the index; in turn, under the same load."""
    with raw_postgres(running.url("people")) as database:

        def peer(probe: FloatArray) -> int:
            ((found,),) = database.execute(
                "SELECT id FROM reference ORDER BY vector <#> %s::vector LIMIT 1",
                (str(probe.tolist()),),
            ).fetchall()
            return int(found)

        ways: dict[str, Callable[[FloatArray], int]] = {
            "peer": peer,
            "exact": lambda probe: gallery.nearest(probe)[0].reference,
            "index": lambda probe: gallery.nearest(probe, approximate=True)[0].reference,
        }
        answers: dict[str, list[Answer]] = {name: [] for name in ways}
        for probe in probes:
            for name, search in ways.items():
                answers[name].append(timed(search, probe))
    return answers


def at_once(
    gallery: PostgresGallery, probes: FloatArray, peer: Sequence[Answer], *, approximate: bool
) -> dict[str, Any]:
    """Every search by the clients at once."""

    def search(probe: FloatArray) -> Answer:
        return timed(lambda p: gallery.nearest(p, approximate=approximate)[0].reference, probe)

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(search, probes))
    whole = time.perf_counter() - began
    return {
        "errors": sum(one.found is None for one in answers),
        "same_as_peer": share_same(answers, peer),
        "throughput_over_peer": round(sum(one.seconds for one in peer) / whole, 3),
        **ratios(answers, peer),
    }


def timed(search: Callable[[FloatArray], int], probe: FloatArray) -> Answer:
    """Search, with what came of it."""
    began = time.perf_counter()
    try:
        found = search(probe)
    except GalleryError:
        return Answer(time.perf_counter() - began, None)
    return Answer(time.perf_counter() - began, found)


def share_same(answers: Sequence[Answer], peer: Sequence[Answer]) -> float:
    """How many found what the peer's exact search found."""
    same = [one.found == right.found for one, right in zip(answers, peer, strict=True)]
    return sum(same) / len(same)


def ratios(answers: Sequence[Answer], peer: Sequence[Answer]) -> dict[str, float]:
    """Times over the peer's, at the middle and at the slow end of each."""
    mine, theirs = ([one.seconds for one in some] for some in (answers, peer))
    return {
        f"p{p}_over_peer": round(float(np.percentile(mine, p) / np.percentile(theirs, p)), 3)
        for p in (50, 99)
    }


if __name__ == "__main__":
    main()
