"""Conformance of every store of the factory: the same image offered once more."""

from __future__ import annotations

import threading

import numpy as np
from tests.gallery.shared import MODEL, MakeReferences, OpenAgain, names, unit

from steadyface.gallery import Counts, Duplicate, Enrolled, Gallery
from steadyface.types import Embedding, Reference


def test_what_the_identity_has_already_is_left_out(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0, source="old.jpg")])
    again = [unit(1, 0, source="new.jpg"), unit(0, 1), unit(1, 0)]
    assert gallery.enroll("Ann", again) == Enrolled(added=1, held=2, references=2)
    assert gallery.enroll("Ann", again) == Enrolled(added=0, held=3, references=2)
    assert gallery.templates().vectors.tolist() == [[1, 0], [0, 1]]
    assert gallery.references("Ann")[0].source == "old.jpg"


def test_what_comes_twice_in_one_call_is_stored_once(gallery: Gallery) -> None:
    offered = [
        unit(0, 1, source="a.jpg"),
        unit(1, 0, source="b.jpg"),
        unit(0, 1, source="copy of a.jpg"),
    ]
    assert gallery.enroll("Ann", offered) == Enrolled(added=2, held=1, references=2)
    assert [r.source for r in gallery.references("Ann")] == ["a.jpg", "b.jpg"]


def test_the_composed_name_holds_what_the_decomposed_one_enrolled(gallery: Gallery) -> None:
    gallery.enroll("Jose\u0301", [unit(1, 0)])
    assert gallery.enroll("Jos\u00e9", [unit(1, 0)]).held == 1


def test_another_number_is_another_image(gallery: Gallery, make_references: MakeReferences) -> None:
    """Each differs from the first in one number alone, by as little as float32 can."""
    vector = make_references(1, dimension=128)[0].embedding.vector
    offered = [Reference(Embedding(vector, MODEL))]
    for position in range(128):
        near = vector.copy()
        near[position] = np.nextafter(near[position], np.float32(2))
        offered.append(Reference(Embedding(near, MODEL)))
    assert gallery.enroll("Ann", offered) == Enrolled(added=129, held=0, references=129)
    assert gallery.enroll("Ben", offered[:1]).duplicates == (Duplicate("", "Ann"),)


def test_the_same_under_another_name_is_reported_and_enrolled(gallery: Gallery) -> None:
    gallery.enroll("Zoe", [unit(1, 0), unit(0, 1)])
    gallery.enroll("Ben", [unit(1, 0)])
    offered = [unit(-1, 0), unit(0, 1, source="b.jpg"), unit(1, 0, source="c.jpg")]
    duplicates = (Duplicate("b.jpg", "Zoe"), Duplicate("c.jpg", "Ben"), Duplicate("c.jpg", "Zoe"))
    assert gallery.enroll("Ann", offered) == Enrolled(3, 0, 3, duplicates)
    # It stays worth knowing when the identity itself has it too.
    assert gallery.enroll("Ann", offered) == Enrolled(0, 3, 3, duplicates)
    gallery.remove("Zoe")
    gallery.rename("Ben", "Cleo")
    assert gallery.enroll("Ann", offered).duplicates == (Duplicate("c.jpg", "Cleo"),)


def test_a_removed_identity_holds_nothing(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.remove("Ann")
    assert gallery.enroll("Ann", [unit(1, 0)]) == Enrolled(added=1, held=0, references=1)


def test_a_gallery_opened_again_knows_what_it_holds(
    gallery: Gallery, open_again: OpenAgain, make_references: MakeReferences
) -> None:
    references = make_references(50, dimension=128)
    gallery.enroll("Ann", references)
    assert open_again("write").enroll("Ann", references).held == 50
    assert open_again("write").enroll("Ben", references[7:8]).duplicates == (
        Duplicate("7.jpg", "Ann"),
    )


def test_the_same_enrolled_at_once_is_stored_once(
    gallery: Gallery, open_again: OpenAgain, make_references: MakeReferences
) -> None:
    references = make_references(60)
    added: list[int] = []
    start = threading.Barrier(4)

    def work(mine: Gallery) -> None:
        start.wait()
        added.extend(mine.enroll("Ann", [reference]).added for reference in references)

    threads = [threading.Thread(target=work, args=(open_again("write"),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(added) == 4 * 60
    assert sum(added) == 60
    assert gallery.count() == Counts(identities=1, references=60)
    assert names(gallery) == ["Ann"]
