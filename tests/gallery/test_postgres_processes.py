"""Several processes on one gallery of PostgreSQL; clients that are killed, servers that stop."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from benchmarks.postgres_server import Server, server
from tests.gallery.shared import MODEL, needs_server, unit

from steadyface.errors import GalleryError
from steadyface.gallery import Counts, open_gallery
from steadyface.types import Embedding, FloatArray, Reference

#: What every program of another process begins with: `references(n)` are three that only n has.
PREAMBLE = """
import sys
import numpy as np
from steadyface.gallery import open_gallery
from steadyface.types import Embedding, Reference

def references(number):
    vectors = np.random.default_rng(number).standard_normal((3, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [Reference(Embedding(v, "face-v1"), f"{number}.jpg") for v in vectors.astype("f4")]

def opened(mode):
    return open_gallery(sys.argv[1], model_id="face-v1", mode=mode, timeout=20)
"""

ENROL_FOREVER = """
with opened("create") as gallery:
    number = 0
    while True:
        gallery.enroll(f"person {number}", references(number))
        print(number, flush=True)
        number += 1
"""

OPEN_AND_ENROL = """
print("ready", flush=True)
sys.stdin.readline()
with opened("create") as gallery:
    gallery.enroll(sys.argv[2], references(int(sys.argv[2])))
    print(sum(gallery.enroll("same", references(number)).added for number in range(100, 110)))
"""


@contextmanager
def process(code: str, url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python running the code on the gallery; gone when the block ends."""
    command = [sys.executable, "-c", PREAMBLE + code, url, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def expected_vectors(number: int) -> FloatArray:
    vectors = np.random.default_rng(number).standard_normal((3, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


@pytest.mark.slow
def test_ten_processes_that_make_and_fill_the_same_gallery_at_once(postgres_url: str) -> None:
    command = [sys.executable, "-c", PREAMBLE + OPEN_AND_ENROL, postgres_url]
    running = [
        subprocess.Popen(
            [*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(10)
    ]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    added = [int(one.communicate(timeout=60)[0]) for one in running]
    assert [one.returncode for one in running] == [0] * 10
    assert sum(added) == 30  # of those that all offered, each once
    with open_gallery(postgres_url, model_id=MODEL) as gallery:
        assert gallery.count() == Counts(identities=11, references=60)
        ids = [r.id for one in gallery.identities() for r in gallery.references(one.name)]
        assert len(set(ids)) == 60


def test_killed_while_enrolling_keeps_what_was_acknowledged(postgres_url: str) -> None:
    chance = random.Random()
    enrolled = 0
    for attempt in range(3):
        with process(ENROL_FOREVER, postgres_url) as running:
            assert running.stdout is not None
            acknowledged = [running.stdout.readline()]
            time.sleep(chance.uniform(0, 0.15))
            running.send_signal(signal.SIGKILL)
            acknowledged += running.stdout.readlines()
            assert running.wait() == -signal.SIGKILL
        # The last line may be cut off; what it stands for was stored all the same.
        complete = [int(line) for line in acknowledged if line.endswith("\n")]
        assert complete == list(range(len(complete)))
        with open_gallery(postgres_url, model_id=MODEL, mode="write") as gallery:
            gallery.rename("person 0", "person 0")  # the dead client holds no lock
            templates = gallery.templates()
            stored = len(templates.names)
            assert len(complete) <= stored <= len(acknowledged) + 1
            assert templates.names == tuple(f"person {number}" for number in range(stored))
            assert templates.owners.tolist() == [n for n in range(stored) for _ in range(3)]
            expected = np.concatenate([expected_vectors(number) for number in range(stored)])
            assert np.array_equal(templates.vectors, expected)
            # Each change is in the audit, in the revision and in what is newer, or in none of them.
            enrolled += stored
            assert sum(entry.action == "enroll" for entry in gallery.audit()) == enrolled
            assert gallery.revision() == enrolled + attempt
            assert gallery.changes().templates.names == templates.names
            assert gallery.remove(*templates.names) == 3 * stored, attempt


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that a test may stop."""
    needs_server()
    with server() as running:
        yield running


@pytest.mark.slow
def test_a_gallery_goes_on_after_the_server_was_away(own_server: Server) -> None:
    url = own_server.url("test_away")
    with open_gallery(url, model_id=MODEL, mode="create", timeout=0.5) as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
        own_server.stop()
        own_server.start()
        assert gallery.templates().names == ("Ann",)  # a reader is not even told
        assert gallery.enroll("Ben", [unit(0, 1)]).added == 1


@pytest.mark.slow
def test_a_server_that_stays_away_is_named(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steadyface.gallery.postgres_connection._CONNECT", 1)
    url = own_server.url("test_stays")
    with open_gallery(url, model_id=MODEL, mode="create", timeout=0.5) as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
        own_server.stop()
        try:
            with pytest.raises(GalleryError) as caught:
                gallery.count()
            assert str(caught.value).startswith(
                f"{gallery.location}: no connection to the server was to be had ("
            )
            with pytest.raises(GalleryError, match="cannot be reached"):
                open_gallery(url, model_id=MODEL)
        finally:
            own_server.start()
        eventually(lambda: gallery.count().identities == 1)


def eventually(done: Callable[[], bool]) -> None:
    """Wait for what comes true within seconds; until then it may raise."""
    for _ in range(20):
        try:
            if done():
                return
        except GalleryError:
            time.sleep(0.5)
    raise AssertionError("it did not come true")


@pytest.mark.slow
def test_no_acknowledged_enrolment_is_lost_when_the_server_stops(own_server: Server) -> None:
    url = own_server.url("test_lost")
    acknowledged: list[str] = []
    refused: list[str] = []
    stop = threading.Event()

    def enrol(thread: int) -> None:
        number = 0
        while not stop.is_set():
            name = f"{thread}-{number}"
            vector = expected_vectors(1000 * thread + number)[0]
            try:
                gallery.enroll(name, [Reference(Embedding(vector, MODEL))])
                acknowledged.append(name)
            except GalleryError as error:
                refused.append(str(error))
            number += 1

    with open_gallery(url, model_id=MODEL, mode="create", timeout=5) as gallery:
        threads = [threading.Thread(target=enrol, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        own_server.stop()
        own_server.start()
        before = len(acknowledged)
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
        assert len(acknowledged) > before > 0  # the same object went on
        stored = {identity.name for identity in gallery.identities()}
        counts = gallery.count()
    assert not set(acknowledged) - stored
    assert counts.references == counts.identities == len(stored)
    # Beyond those, only some whose acknowledgement was lost.
    assert len(stored) <= len(acknowledged) + len(refused)
    assert all("whether a change that was under way is stored" in message for message in refused)


def test_readers_see_whole_enrolments_and_one_state(postgres: Server, postgres_url: str) -> None:
    with open_gallery(postgres_url, model_id=MODEL, mode="create") as gallery:
        with process(ENROL_FOREVER, postgres_url) as running:
            assert running.stdout is not None
            running.stdout.readline()
            seen = []
            for _ in range(30):
                templates = gallery.templates()
                assert templates.owners.tolist() == [
                    n for n in range(len(templates.names)) for _ in range(3)
                ]
                seen.append(len(templates.names))
        assert seen == sorted(seen)
        assert seen[-1] > seen[0]
