"""Exact search of a large gallery in memory, beside faiss: time, agreement, memory.

    pip install faiss-cpu
    python -m benchmarks.search

Random unit vectors, one reference an identity, of random quality; half of the 200 queries are noisy
copies of someone enrolled, half strangers. One query at a time against 100,000 identities of 128
dimensions: `TemplateIndex.match`, which is the whole decision with calibrated thresholds, five
candidates and their probabilities, beside `IndexFlatIP.search`, which is five indices and products.
faiss runs as it comes, on all cores, and on one, which is its better setting where cores are busy;
the index takes one. All take turns of ten queries, three times over, since a thread pool goes on
spinning after a call and would disturb the next. On a machine that others use too, only the ratios
and the minima say something. Then 1,000,000 identities in a process of their own: how far its
memory grows, how much longer a query takes, and, once that is known, faiss on the same, once over.
Writes `results/search.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.results_file import ResultFile
from steadyface.matching.calibration import DecisionRule, load_calibration
from steadyface.matching.index import TemplateIndex
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, FloatArray, Match, Templates

IDENTITIES = 100_000
MANY = 1_000_000
DIMENSION = 128
QUERIES = 200
TURN = 10
ROUNDS = 3
TOP = 5
QUALITY = 0.5
SEED = 0
#: How many identities are put in at once; a gallery is not read into memory whole.
AT_ONCE = 2_000


def main() -> None:
    """Measure and write the result, or be the process whose memory is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", action="store_true", help=argparse.SUPPRESS)
    model_id = load_catalog().default("face-network").id
    faiss: Any = import_module("faiss")
    if parser.parse_args().many:
        print(json.dumps(many(faiss, model_id)))
        return
    result = ResultFile(
        "search",
        "python -m benchmarks.search",
        model_id,
        {
            "dimension": DIMENSION,
            "queries": QUERIES,
            "rounds": ROUNDS,
            "top": TOP,
            "seed": SEED,
            "cores": len(os.sched_getaffinity(0)),
            "faiss-cpu": version("faiss-cpu"),
        },
    )
    result.data[str(IDENTITIES)] = beside_faiss(faiss, model_id)
    result.save()
    command = [sys.executable, "-m", "benchmarks.search", "--many"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result.data[str(MANY)] = json.loads(done.stdout)
    result.save()
    print(json.dumps({name: result.data[name] for name in (str(IDENTITIES), str(MANY))}, indent=2))


def beside_faiss(faiss: Any, model_id: str) -> dict[str, Any]:
    """Times of both against the same identities, and how far they agree."""
    rng = np.random.default_rng(SEED)
    templates = people(rng, IDENTITIES, model_id)
    queries = queries_for(rng, templates.vectors)
    probes = [Embedding(vector, model_id) for vector in queries]
    index, flat = TemplateIndex(model_id), faiss.IndexFlatIP(DIMENSION)
    loading = timed(lambda: index.update(np.arange(IDENTITIES), templates))
    adding = timed(lambda: flat.add(templates.vectors))
    rule = load_calibration(model_id).rule()
    times = against(faiss, flat, queries, matching(index, rule, probes), ROUNDS)
    # By hand one threshold holds for all, so that candidates rank by similarity, as faiss's do.
    found = index.match_many(probes, DecisionRule(rule.threshold), top=TOP)
    neighbours = flat.search(queries, TOP)[1]
    return {
        "load_s": {"steadyface": loading, "faiss": adding},
        "query_ms": {name: summary(spent) for name, spent in times.items()},
        "times_faster_than": ratios(times),
        "recall_at_1_against_faiss": agreement(found, neighbours, 1),
        f"recall_at_{TOP}_against_faiss": agreement(found, neighbours, TOP),
    }


def against(
    faiss: Any,
    flat: Any,
    queries: FloatArray,
    ours: Sequence[Callable[[], object]],
    rounds: int,
) -> dict[str, list[float]]:
    """Seconds of every query of ours, of faiss as it comes and of faiss on one thread."""
    searches = [partial(flat.search, query[None], TOP) for query in queries]
    alone = [partial(on_one_thread, faiss, search) for search in searches]
    names = ("steadyface", "faiss", "faiss on one thread")
    return dict(zip(names, by_turns([ours, searches, alone], rounds), strict=True))


def ratios(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """How many times as long the others take as ours."""
    ours = times["steadyface"]
    return {
        name: {
            "median": float(np.median(spent) / np.median(ours)),
            "minimum": float(min(spent) / min(ours)),
        }
        for name, spent in times.items()
        if name != "steadyface"
    }


def many(faiss: Any, model_id: str) -> dict[str, Any]:
    """What 1,000,000 identities take beyond what 0 take, and how much longer than 100,000."""
    rng = np.random.default_rng(SEED)
    few, index = TemplateIndex(model_id), TemplateIndex(model_id)
    first = people(rng, AT_ONCE, model_id)
    probes = [Embedding(vector, model_id) for vector in queries_for(rng, first.vectors)]
    # What the libraries themselves take on their first use is no one's memory.
    few.update(np.arange(AT_ONCE), first)
    rule = load_calibration(model_id).rule()
    few.match(probes[0], rule)
    few.clear()
    before = resident_mb()
    start = perf_counter()
    for number in range(0, MANY, AT_ONCE):
        ids = np.arange(number, number + AT_ONCE)
        index.update(ids, people(rng, AT_ONCE, model_id, number))
    loading = perf_counter() - start
    loaded = resident_mb() - before
    index.match(probes[0], rule, top=TOP, quality=QUALITY)
    searched = resident_mb() - before
    for number in range(0, IDENTITIES, AT_ONCE):
        ids = np.arange(number, number + AT_ONCE)
        few.update(ids, people(rng, AT_ONCE, model_id, number))
    large, small = by_turns([matching(index, rule, probes), matching(few, rule, probes)])
    flat, rng = faiss.IndexFlatIP(DIMENSION), np.random.default_rng(SEED)
    for _ in range(0, MANY, AT_ONCE):
        flat.add(people(rng, AT_ONCE, model_id).vectors)
    queries = np.stack([probe.vector for probe in probes])
    times = against(faiss, flat, queries, matching(index, rule, probes), 1)
    return {
        "load_and_generate_s": loading,
        "growth_mb": {"loaded": loaded, "searched": searched},
        "vectors_mb": MANY * DIMENSION * 4 / 1e6,
        "query_ms": {name: summary(spent) for name, spent in times.items()},
        "times_faster_than": ratios(times),
        f"times_of_{IDENTITIES}": {
            "median": float(np.median(large) / np.median(small)),
            "minimum": float(min(large) / min(small)),
        },
    }


def on_one_thread(faiss: Any, search: Callable[[], object]) -> None:
    """As where other work leaves no core idle, so that threads would wait for each other."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    search()
    faiss.omp_set_num_threads(threads)


def matching(
    index: TemplateIndex, rule: DecisionRule, probes: Sequence[Embedding]
) -> list[Callable[[], Match]]:
    """One whole decision a probe."""
    return [partial(index.match, p, rule, top=TOP, quality=QUALITY) for p in probes]


def people(rng: np.random.Generator, count: int, model_id: str, first: int = 0) -> Templates:
    """Identities of one reference each."""
    names = tuple(f"person-{number:07d}" for number in range(first, first + count))
    qualities = rng.random(count, dtype=np.float32)
    vectors = units(rng.standard_normal((count, DIMENSION), dtype=np.float32))
    return Templates(names, vectors, np.arange(count), model_id, qualities)


def queries_for(rng: np.random.Generator, vectors: FloatArray) -> FloatArray:
    """Half of them near someone, half near nobody."""
    noise = rng.standard_normal((QUERIES, DIMENSION), dtype=np.float32)
    noise[: QUERIES // 2] *= 0.1
    noise[: QUERIES // 2] += vectors[rng.integers(len(vectors), size=QUERIES // 2)]
    return units(noise)


def units(vectors: FloatArray) -> FloatArray:
    """The same directions of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def by_turns(
    searchers: Sequence[Sequence[Callable[[], object]]], rounds: int = 1
) -> list[list[float]]:
    """Seconds of every query of every searcher, a few of each at a time."""
    times: list[list[float]] = [[] for _ in searchers]
    for start in [*range(0, QUERIES, TURN)] * rounds:
        for queries, spent in zip(searchers, times, strict=True):
            spent += [timed(query) for query in queries[start : start + TURN]]
    return times


def timed(call: Callable[[], object]) -> float:
    """Seconds."""
    start = perf_counter()
    call()
    return perf_counter() - start


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """In milliseconds."""
    return {"median": float(np.median(seconds)) * 1e3, "minimum": min(seconds) * 1e3}


def agreement(found: Sequence[Match], neighbours: Any, first: int) -> float:
    """Share of faiss's first few that are among ours."""
    shares = [
        len({int(c.identity.removeprefix("person-")) for c in match.candidates[:first]} & set(row))
        for match, row in zip(found, neighbours[:, :first].tolist(), strict=True)
    ]
    return float(np.mean(shares) / first)


def resident_mb() -> float:
    """Of this process now, in millions of bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


if __name__ == "__main__":
    main()
