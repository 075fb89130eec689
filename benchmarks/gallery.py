"""Galleries of 100,000: enrolment in batches, opening, filling the index, memory.

    python -m benchmarks.gallery

Random unit vectors, one an identity. Every part takes turns with a peer that is the driver alone
(`gallery_peers`): plain sqlite3 with the gallery's settings, or plain psycopg. For enrolment it
appends the same identities and references to the same tables and indexes, in batches of the same
size, from rows made beforehand: it checks nothing, looks for no duplicates, keeps no audit. For
opening it is `PRAGMA integrity_check(1)`. For filling the index it reads the same names and vectors
into one matrix. On a machine that others use too, only the ratios say something; `load_average` has
how busy it was. PostgreSQL is the server of the wheel `pgserver`, and left out where that is
missing. Writes `results/gallery.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.gallery_peers import Peer, PostgresPeer, Rows, check_file, rows, sqlite_peer
from benchmarks.postgres_server import raw_postgres, server
from benchmarks.results_file import ResultFile
from benchmarks.search import resident_mb, timed, units
from steadyface.gallery import START, Gallery, NewPerson, open_gallery
from steadyface.matching.calibration import load_calibration
from steadyface.matching.index import TemplateIndex
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, FloatArray, Reference

IDENTITIES = 100_000
DIMENSION = 128
BATCH = 1_000
#: How many people each side enrols before it is the other's turn.
TURN = 5_000
#: How often the rest is measured.
REPEATS = 9
SEED = 0
MODEL = load_catalog().default("face-network").id


def main() -> None:
    """Measure and write the result, or be the process whose memory is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", metavar="GALLERY", help=argparse.SUPPRESS)
    if (url := parser.parse_args().memory) is not None:
        print(json.dumps(memory(url)))
        return
    options = {
        "identities": IDENTITIES,
        "dimension": DIMENSION,
        "batch": BATCH,
        "turn": TURN,
        "repeats": REPEATS,
        "seed": SEED,
        "cores": len(os.sched_getaffinity(0)),
        "sqlite": sqlite3.sqlite_version,
    }
    result = ResultFile("gallery", "python -m benchmarks.gallery", MODEL, options)
    rng = np.random.default_rng(SEED)
    vectors = units(rng.standard_normal((IDENTITIES, DIMENSION), dtype=np.float32))
    with TemporaryDirectory() as folder:
        result.data["sqlite"] = in_sqlite(Path(folder), vectors)
        result.save()
    if find_spec("pgserver") is None:
        print("PostgreSQL is left out: pgserver is not installed (pip install pgserver)")
    else:
        result.data["postgresql"] = in_postgres(vectors)
        result.save()
    print(json.dumps({name: result.data.get(name) for name in ("sqlite", "postgresql")}, indent=2))


def in_sqlite(folder: Path, vectors: FloatArray) -> dict[str, Any]:
    """Every part for a gallery in a file."""
    busy, file, bare = os.getloadavg(), folder / "people.db", folder / "bare.db"
    open_gallery(bare, model_id=MODEL, mode="create").close()
    with sqlite_peer(bare) as peer:
        enrolled = enrolment(str(file), peer, vectors)
    reading, writing, checking = by_turns(
        lambda: open_gallery(file, model_id=MODEL).close(),
        lambda: open_gallery(file, model_id=MODEL, mode="write").close(),
        lambda: check_file(file),
    )
    with sqlite_peer(file) as peer:
        return {
            "enrolment": enrolled,
            "opening": compared(reading, checking),
            "opening_for_writing": compared(writing, checking),
            **afterwards(str(file), peer),
            "load_average": [busy, os.getloadavg()],
        }


def in_postgres(vectors: FloatArray) -> dict[str, Any]:
    """Every part for a gallery on a server; opening one there checks nothing that grows with it."""
    busy = os.getloadavg()
    with server() as running:
        url, bare = running.url("people"), running.url("bare")
        open_gallery(bare, model_id=MODEL, mode="create").close()
        with raw_postgres(bare) as connection:
            enrolled = enrolment(url, PostgresPeer(connection), vectors)
        (opened,) = by_turns(lambda: open_gallery(url, model_id=MODEL).close())
        with raw_postgres(url) as connection:
            return {
                "enrolment": enrolled,
                "opening_s": summary(opened),
                **afterwards(url, PostgresPeer(connection)),
                "load_average": [busy, os.getloadavg()],
            }


def enrolment(url: str, peer: Peer, vectors: FloatArray) -> dict[str, Any]:
    """Enrol everyone, in turns with the peer, whose gallery is another one."""
    ours, theirs = list[float](), list[float]()
    with open_gallery(url, model_id=MODEL, mode="create") as gallery:
        for start in range(0, len(vectors), TURN):
            people = [
                NewPerson(
                    f"person {number}",
                    [Reference(Embedding(vectors[number], MODEL), f"{number}.jpg", quality=0.5)],
                )
                for number in range(start, start + TURN)
            ]
            batches = [
                rows(peer, people[n : n + BATCH], start + n + 1) for n in range(0, TURN, BATCH)
            ]
            ours.append(timed(partial(gallery.enroll_many, people, batch=BATCH)))
            theirs.append(timed(partial(append_all, peer, batches)))
        if gallery.count().references != len(vectors):
            raise SystemExit("not everyone was enrolled")
    return {
        "templates_a_second": rates(ours),
        "peer_templates_a_second": rates(theirs),
        "times_of_peer": ratios(ours, theirs),
    }


def append_all(peer: Peer, batches: Sequence[Rows]) -> None:
    """What the peer does in its turn."""
    for batch in batches:
        peer.append(batch)


def afterwards(url: str, peer: Peer) -> dict[str, Any]:
    """From an open gallery to the first decision, and what that takes in memory."""
    rule = load_calibration(MODEL).rule()
    with open_gallery(url, model_id=MODEL) as gallery:
        ours, theirs, whole = by_turns(lambda: fill(gallery), peer.read_all, gallery.templates)
        index, templates = fill(gallery), gallery.templates()
        probe = Embedding(templates.vectors[-1], MODEL)
        first = timed(lambda: index.match(probe, rule))
    command = [sys.executable, "-m", "benchmarks.gallery", "--memory", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        "filling_the_index": compared(ours, theirs),
        "templates": compared(whole, theirs),
        "first_match_s": first,
        "growth_mb": json.loads(done.stdout),
        "vectors_mb": IDENTITIES * DIMENSION * 4 / 1e6,
    }


def fill(gallery: Gallery) -> TemplateIndex:
    """An index of everyone, as it is kept in step: page by page."""
    index, mark, complete = TemplateIndex(MODEL), START, False
    while not complete:
        page = gallery.changes(mark)
        index.update(page.ids, page.templates)
        mark, complete = page.mark, page.complete
    return index


def memory(url: str) -> dict[str, float]:
    """How far a new process grows by opening a gallery and by filling an index."""
    before = resident_mb()
    with open_gallery(url, model_id=MODEL) as gallery:
        opened = resident_mb() - before
        index = fill(gallery)
        filled = resident_mb() - before
    # Not getrusage, which tells of the process that started this one as well.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6 - before
    return {"opened": opened, "filled": filled, "peak": peak, "identities": len(index)}


def by_turns(*calls: Callable[[], object]) -> list[list[float]]:
    """Seconds of each call, again and again."""
    times = [[timed(call) for call in calls] for _ in range(REPEATS)]
    return [list(spent) for spent in zip(*times, strict=True)]


def compared(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """Seconds of both, and ours over the peer's."""
    return {
        "seconds": summary(ours),
        "peer_seconds": summary(theirs),
        "times_of_peer": ratios(ours, theirs),
    }


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Ours over the peer's."""
    return {name: round(value / summary(theirs)[name], 3) for name, value in summary(ours).items()}


def rates(seconds: Sequence[float]) -> dict[str, int]:
    """Templates a second: over all, in the middle turn and in the best."""
    return {
        "all": round(TURN * len(seconds) / sum(seconds)),
        "median": round(TURN / float(np.median(seconds))),
        "best": round(TURN / min(seconds)),
    }


def summary(seconds: Sequence[float]) -> dict[str, float]:
    return {"median": float(np.median(seconds)), "minimum": min(seconds)}


if __name__ == "__main__":
    main()
