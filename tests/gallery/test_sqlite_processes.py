"""Several processes on one gallery file, and processes that are killed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from steadyface.errors import GalleryLockedError
from steadyface.gallery import Counts, open_gallery
from steadyface.types import Embedding, Reference

MODEL = "face-v1"

#: What every program of another process begins with: `references(n)` are three that only n has.
PREAMBLE = """
import json, sys
import numpy as np
from pathlib import Path
from steadyface.gallery import open_gallery
from steadyface.types import Embedding, Reference

def references(number):
    vectors = np.random.default_rng(number).standard_normal((3, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [Reference(Embedding(v, "face-v1"), f"{number}.jpg") for v in vectors.astype("f4")]

def opened(mode):
    return open_gallery(Path(sys.argv[1]), model_id="face-v1", mode=mode, timeout=20)
"""

ENROL_FIFTY = """
sys.stdin.readline()
with opened("create") as gallery:
    for number in range(50):
        gallery.enroll(f"{sys.argv[2]} {number}", references(number))
"""

ENROL_THE_SAME = """
sys.stdin.readline()
with opened("create") as gallery:
    print(sum(gallery.enroll("Ann", references(number)).added for number in range(50)))
"""

WATCH = """
with opened("read") as gallery:
    print("ready", flush=True)
    seen = []
    while not Path(sys.argv[2]).exists():
        templates = gallery.templates()
        assert len(templates.owners) == 3 * len(templates.names)
        seen.append(len(templates.names))
    print(json.dumps(seen))
"""

REPORT = """
with opened("read") as gallery:
    templates = gallery.templates()
    print(json.dumps([
        list(templates.names), templates.vectors.tolist(), templates.owners.tolist(),
        [[r.source, r.metadata] for name in templates.names for r in gallery.references(name)],
    ]))
"""

HOLD = """
import sqlite3
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


@contextmanager
def process(code: str, path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python running the code on the gallery; gone when the block ends."""
    command = [sys.executable, "-c", PREAMBLE + code, str(path), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def expected_vectors(number: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    vectors = np.random.default_rng(number).standard_normal((3, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def test_another_process_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "gens d'été #1?%41.db"
    with open_gallery(path, model_id=MODEL, mode="create") as gallery:
        for number, name in enumerate(["Zoë Żółć", "山田/太郎", 'O\'Brien "Bob"']):
            vectors = expected_vectors(number)
            gallery.enroll(name, [Reference(Embedding(v, MODEL), f"{number}.jpg") for v in vectors])
        with process(REPORT, path) as while_open:
            first = while_open.communicate()[0]
    with process(REPORT, path) as after_closing:
        second = after_closing.communicate()[0]
    assert first == second
    names, vectors, owners, stored = json.loads(first)
    assert names == ["Zoë Żółć", "山田/太郎", 'O\'Brien "Bob"']
    assert owners == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert vectors == np.concatenate([expected_vectors(n) for n in range(3)]).tolist()
    assert stored == [[f"{n}.jpg", {}] for n in range(3) for _ in range(3)]


def test_processes_that_make_the_same_gallery_at_once(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    with (
        process(ENROL_FIFTY, path, "a") as a,
        process(ENROL_FIFTY, path, "b") as b,
        process(ENROL_FIFTY, path, "c") as c,
    ):
        for running in (a, b, c):
            assert running.stdin is not None
            running.stdin.write("go\n")
            running.stdin.flush()
        assert [running.wait() for running in (a, b, c)] == [0, 0, 0]
    with open_gallery(path, model_id=MODEL) as gallery:
        assert gallery.count() == Counts(identities=150, references=450)


def test_processes_that_enrol_the_same_images_at_once(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    with (
        process(ENROL_THE_SAME, path) as a,
        process(ENROL_THE_SAME, path) as b,
        process(ENROL_THE_SAME, path) as c,
    ):
        for running in (a, b, c):
            assert running.stdin is not None
            running.stdin.write("go\n")
            running.stdin.flush()
        added = [int(running.communicate()[0]) for running in (a, b, c)]
    assert sum(added) == 150
    with open_gallery(path, model_id=MODEL) as gallery:
        assert gallery.count() == Counts(identities=1, references=150)


def test_writers_that_read_first_do_not_fail_each_other(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    problems: list[Exception] = []

    def rename_back_and_forth(name: str) -> None:
        try:
            with open_gallery(path, model_id=MODEL, mode="write", timeout=20) as gallery:
                for _ in range(100):
                    gallery.rename(name, f"{name}!")
                    gallery.rename(f"{name}!", name)
        except Exception as error:  # noqa: BLE001 (reported below)
            problems.append(error)

    with open_gallery(path, model_id=MODEL, mode="create") as gallery:
        for name in ("Ann", "Ben"):
            gallery.enroll(name, [Reference(Embedding(expected_vectors(0)[0], MODEL))])
    threads = [threading.Thread(target=rename_back_and_forth, args=(n,)) for n in ("Ann", "Ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_readers_beside_a_writer_see_whole_enrolments(tmp_path: Path) -> None:
    path, done = tmp_path / "people.db", tmp_path / "done"
    open_gallery(path, model_id=MODEL, mode="create").close()
    with process(WATCH, path, str(done)) as a, process(WATCH, path, str(done)) as b:
        for reader in (a, b):
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        with process(ENROL_FIFTY, path, "p") as writer:
            assert writer.communicate("go\n")[0] == ""
            assert writer.returncode == 0
        time.sleep(0.1)
        done.touch()
        for reader in (a, b):
            seen = json.loads(reader.communicate()[0])
            assert reader.returncode == 0
            assert seen == sorted(seen)
            assert seen[-1] == 50


def test_lock_of_another_process(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    open_gallery(path, model_id=MODEL, mode="create").close()
    with process(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        with pytest.raises(GalleryLockedError) as caught:
            open_gallery(path, model_id=MODEL, mode="write", timeout=0.1)
        assert str(caught.value) == (
            f"{path}: another process holds the gallery and did not let go within 0.1 s; try again "
            "when it has finished (in Python, `timeout` waits longer)"
        )
        holder.communicate("go on\n")
    with open_gallery(path, model_id=MODEL, mode="write", timeout=0.1) as gallery:
        assert gallery.count() == Counts(0, 0)
