"""A process that is killed while it enrols: what it acknowledged is there, whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.gallery.shared import MODEL, raw

from steadyface.gallery import Counts, open_gallery

#: Enrols people with a hundred references each, and says so on standard output after each call.
ENROL = """
import sys
import numpy as np
from pathlib import Path
from steadyface.gallery import open_gallery
from steadyface.types import Embedding, Reference

vectors = np.random.default_rng(7).standard_normal((100, 100, 16)).astype("f4")
vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
print("ready", flush=True)
with open_gallery(Path(sys.argv[1]), model_id="face-v1", mode="create") as gallery:
    for number, rows in enumerate(vectors):
        references = [Reference(Embedding(row, "face-v1")) for row in rows]
        gallery.enroll(f"person {number}", references)
        print(number, flush=True)
"""

#: What the program enrols, by person.
VECTORS = np.random.default_rng(7).standard_normal((100, 100, 16)).astype("f4")
VECTORS /= np.linalg.norm(VECTORS, axis=2, keepdims=True)


def run(path: Path, seconds: float | None) -> tuple[list[str], float]:
    """Run the program and kill it so long after it is ready; its lines and how long it ran."""
    command = [sys.executable, "-c", ENROL, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        start = time.monotonic()
        if seconds is not None:
            time.sleep(seconds)
            running.send_signal(signal.SIGKILL)
        lines = running.stdout.readlines()
        assert running.wait() in ((0, -signal.SIGKILL) if seconds is not None else (0,))
        return lines, time.monotonic() - start


def check(path: Path, lines: list[str]) -> int:
    """Check what a killed run left; return how many people are in the gallery."""
    # The last line may be cut off; what it stands for was stored all the same.
    acknowledged = [int(line) for line in lines if line.endswith("\n")]
    assert acknowledged == list(range(len(acknowledged)))
    with open_gallery(path, model_id=MODEL, mode="create") as gallery:
        templates = gallery.templates()
        stored = len(templates.names)
        assert len(acknowledged) <= stored <= len(acknowledged) + 1
        assert templates.names == tuple(f"person {number}" for number in range(stored))
        assert templates.owners.tolist() == [n for n in range(stored) for _ in range(100)]
        assert templates.vectors.tobytes() == VECTORS[:stored].tobytes()
        assert gallery.count() == Counts(stored, 100 * stored)
        # Each change is in the audit and in the revision with it, or in neither.
        assert gallery.revision() == len(gallery.audit()) == stored
    with raw(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    return stored


def test_killed_while_enrolling_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    chance = random.Random()
    for attempt in range(3):
        path = tmp_path / f"{attempt}.db"
        lines, _ = run(path, chance.uniform(0, 0.4))
        stored = check(path, lines)
        if stored:
            with open_gallery(path, model_id=MODEL, mode="write") as gallery:
                assert gallery.remove("person 0") == 100
                assert gallery.count() == Counts(stored - 1, 100 * (stored - 1))


@pytest.mark.slow
def test_killed_fifty_times_while_enrolling_ten_thousand(tmp_path: Path) -> None:
    whole = tmp_path / "whole.db"
    lines, duration = run(whole, None)
    assert check(whole, lines) == 100
    chance = random.Random()
    stored = []
    for attempt in range(50):
        path = tmp_path / f"{attempt}.db"
        # Not longer on a busy machine, so that the test stays under a minute.
        lines, _ = run(path, chance.uniform(0, min(duration, 0.8)))
        stored.append(check(path, lines))
        path.unlink()
    # The moments were all over the run, not before or after it.
    assert sum(0 < number < 100 for number in stored) >= 25
