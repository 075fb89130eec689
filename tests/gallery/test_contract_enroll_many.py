"""Conformance of every store of the factory: many people enrolled in batches."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.gallery.shared import MODEL, MakeReferences, OpenAgain, names, unit

from steadyface.errors import GalleryError, GalleryModelError, SteadyfaceError, UsageError
from steadyface.gallery import START, Counts, Duplicate, Enrolled, Gallery, NewPerson, open_gallery
from steadyface.types import Embedding, Reference

#: Enrols fifty at once, and says how many are stored whenever it is asked for more.
ENROL = """
import sys
import numpy as np
from steadyface.gallery import NewPerson, open_gallery
from steadyface.types import Embedding, Reference

def people():
    for number, angle in enumerate(np.linspace(0, 1, 20_000)):
        if number % 50 == 0:
            print(number, flush=True)
        vector = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
        yield NewPerson(f"{number:05}", [Reference(Embedding(vector, "face-v1"))])

with open_gallery(sys.argv[1], model_id="face-v1", mode="create") as gallery:
    gallery.enroll_many(people(), batch=50)
"""

OTHER_MODEL = Reference(Embedding(np.array([1, 0], dtype=np.float32), "face-v2"))
#: Who is there, comes twice, holds what another has, is described or has nothing new.
OFFERS = [
    NewPerson("Zoe", [unit(1, 0, source="a"), unit(0, 1, source="b")]),
    NewPerson("Ann", [unit(0, -1, source="c"), unit(1, 0, source="d")], {"a": 1}),
    NewPerson("Ben", [unit(1, 0, source="e"), unit(1, 0, source="f")]),
    NewPerson("Zoe", [unit(1, 0, source="g"), unit(0, -1, source="h")], {"z": 1}),
    NewPerson("Old", [unit(-1, 0, source="i")]),
    NewPerson("Old", [unit(-1, 0, source="j")], {"old": 2}),
    NewPerson("Jose\u0301", [unit(0, 1, source="k")], {}),
    NewPerson("Jos\u00e9", [unit(0, 1, source="l"), unit(-1, 0)], {"j": 1}),
    NewPerson("Jos\u00e9", [unit(0, 1, source="m")], {"j": 2}),
]


def fill(gallery: Gallery, batch: int | None) -> list[Enrolled]:
    gallery.enroll("Old", [unit(-1, 0)], metadata={"old": 1})
    if batch is None:
        return [gallery.enroll(o.identity, o.references, metadata=o.metadata) for o in OFFERS]
    return gallery.enroll_many(OFFERS, batch=batch)


def state(gallery: Gallery) -> dict[str, Any]:
    """Everything a gallery tells, save times."""
    changes = gallery.changes(START)
    return {
        "revision": gallery.revision(),
        "changes": (changes.mark, changes.ids.tolist(), changes.templates.names),
        "identities": [(i.id, i.name, i.metadata) for i in gallery.identities()],
        "references": [
            (r.id, name, r.source, r.embedding.vector.tolist())
            for name in names(gallery)
            for r in gallery.references(name)
        ],
        "audit": [(e.id, e.action, e.identity_id, e.references) for e in gallery.audit()],
    }


@pytest.mark.parametrize("batch", [2, 4, 1000])
def test_batches_end_as_single_calls_do(batch: int, gallery: Gallery, another_url: str) -> None:
    answers = fill(gallery, batch)
    with open_gallery(another_url, model_id=MODEL, mode="create") as single:
        assert answers == fill(single, None)
        assert state(gallery) == state(single)
    assert answers[2].duplicates == tuple(Duplicate(s, n) for s in "ef" for n in ("Ann", "Zoe"))
    twice = [Duplicate("g", "Ann"), Duplicate("g", "Ben"), Duplicate("h", "Ann")]
    assert answers[3] == Enrolled(added=1, held=1, references=3, duplicates=tuple(twice))


def test_a_batch_has_one_time_of_enrolment(gallery: Gallery) -> None:
    gallery.enroll_many(OFFERS[:3])
    times = [gallery.references(name)[0].enrolled_at for name in names(gallery)]
    assert times == [times[0]] * 3
    assert times[0] == gallery.identity("Ann").enrolled_at == gallery.audit()[0].moment


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (NewPerson("Bad\n", [unit(1, 0)]), UsageError, "'Bad\\n' is no name"),
        (NewPerson("Bad", []), UsageError, "no references of 'Bad' were given"),
        (NewPerson("Bad", [unit(1, 0)], {"x": {1}}), UsageError, "'Bad' has metadata"),
        (NewPerson("Bad", [unit(2, 0)]), GalleryError, "reference 1 of 'Bad' has the Euclidean"),
        (NewPerson("Bad", [OTHER_MODEL]), GalleryModelError, "reference 1 of 'Bad' was embedded"),
        (NewPerson("Bad", [unit(1, 0, 0)]), GalleryError, "a reference of 'Bad' has 3 numbers"),
    ],
)
def test_an_error_takes_back_its_batch_alone_and_says_who(
    gallery: Gallery, bad: NewPerson, kind: type[SteadyfaceError], message: str
) -> None:
    people = [*OFFERS[:3], bad, NewPerson("Late", [unit(1, 0)])]
    with pytest.raises(kind) as caught:
        gallery.enroll_many(people, batch=2)
    assert message in str(caught.value)
    assert str(caught.value).endswith("; the first 2 are stored")
    assert names(gallery) == ["Ann", "Zoe"]
    assert gallery.revision() == len(gallery.audit()) == 2
    with pytest.raises(kind) as alone:
        gallery.enroll_many([*OFFERS, bad])
    assert message in str(alone.value)
    assert "are stored" not in str(alone.value)
    assert gallery.count().identities == 2


def test_people_are_asked_for_batch_by_batch(gallery: Gallery, open_again: OpenAgain) -> None:
    """What was taken is stored before more is asked for, also where asking then fails."""
    other, seen = open_again(), []

    def people() -> Iterator[NewPerson]:
        for number in range(5):
            seen.append(other.count().identities)
            yield NewPerson(f"person {number}", [unit(1, 0)])
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        gallery.enroll_many(people(), batch=2)
    assert seen == [0, 0, 2, 2, 4]
    assert gallery.count() == Counts(identities=4, references=4)


def test_nobody_and_batches_that_are_refused(gallery: Gallery, open_again: OpenAgain) -> None:
    assert gallery.enroll_many([]) == []
    assert gallery.revision() == 0
    with pytest.raises(UsageError, match="batch is 0; give a number from 1 on"):
        gallery.enroll_many([], batch=0)
    with pytest.raises(UsageError, match="opened for reading"):
        open_again().enroll_many(OFFERS)


def test_more_than_one_batch_of_many(gallery: Gallery, make_references: MakeReferences) -> None:
    references = make_references(2500)
    people = [NewPerson(f"{n:04}", [r]) for n, r in enumerate(references)]
    assert gallery.enroll_many(people) == [Enrolled(1, 0, 1)] * 2500
    assert gallery.enroll_many(people) == [Enrolled(0, 1, 1)] * 2500
    templates = gallery.templates()
    assert templates.names == tuple(person.identity for person in people)
    assert np.array_equal(templates.vectors, np.stack([r.embedding.vector for r in references]))
    assert gallery.revision() == 2500


def test_killed_between_and_amid_batches(gallery_url: str) -> None:
    command = [sys.executable, "-c", ENROL, gallery_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while running.stdout.readline() not in ("500\n", ""):
            pass
        time.sleep(random.Random().uniform(0, 0.05))
        running.kill()
        # The last line may be cut off.
        acknowledged = [500, *(int(line) for line in running.stdout if line.endswith("\n"))][-1]
    assert running.returncode == -signal.SIGKILL
    with open_gallery(gallery_url, model_id=MODEL, mode="write") as gallery:
        stored = gallery.count().identities
        assert acknowledged <= stored <= acknowledged + 50
        assert stored % 50 == 0
        assert names(gallery) == [f"{number:05}" for number in range(stored)]
        assert gallery.count().references == gallery.revision() == len(gallery.audit()) == stored
