"""Conformance of every store of the factory: who changed what, and how often."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.gallery.shared import MODEL, OpenAgain, unit

from steadyface.errors import GalleryError, UsageError
from steadyface.gallery import Gallery, open_gallery
from steadyface.types import Reference


def actions(gallery: Gallery) -> list[tuple[str, int | None, int]]:
    return [(entry.action, entry.identity_id, entry.references) for entry in gallery.audit()]


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def test_every_change_has_an_entry(gallery: Gallery, open_again: OpenAgain) -> None:
    assert gallery.audit() == []
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    gallery.enroll("Ben", [unit(1, 0)], metadata={"b": 1})
    ann, ben = gallery.identity("Ann").id, gallery.identity("Ben").id
    gallery.enroll("Ann", [unit(0, 1), unit(-1, 0)])
    gallery.describe("Ann", {"a": 1})
    gallery.rename("Ann", "Zoe")
    gallery.remove_references("Zoe", [gallery.references("Zoe")[0].id])
    gallery.remove("Zoe", "Ben")
    expected = [
        ("enroll", ann, 2),
        ("enroll", ben, 1),
        ("enroll", ann, 1),
        ("describe", ann, 0),
        ("rename", ann, 0),
        ("remove-references", ann, 1),
        ("remove", ann, 2),
        ("remove", ben, 1),
    ]
    assert actions(gallery) == actions(open_again()) == expected


def test_pruning_has_an_entry_for_each_identity(gallery: Gallery) -> None:
    for name in ("Ann", "Ben"):
        gallery.enroll(name, [unit(1, 0), unit(0, 1)])
    ann, ben = gallery.identity("Ann").id, gallery.identity("Ben").id
    gallery.remove_references("Ann", [r.id for r in gallery.references("Ann")])
    start = gallery.audit()[-1].id
    gallery.prune(later())
    entries = [(e.action, e.identity_id, e.references) for e in gallery.audit(after=start)]
    assert entries == [("prune", ann, 0), ("prune", ben, 2)]


def test_re_embedding_has_an_entry_and_one_for_each_identity_that_lost(gallery: Gallery) -> None:
    for name in ("Ann", "Ben"):
        gallery.enroll(name, [unit(1, 0), unit(0, 1)])
    kept = gallery.references("Ann")
    start = gallery.audit()[-1].id
    gallery.replace_all(MODEL, {reference.id: unit(0, 0, 1) for reference in kept})
    entries = [(e.action, e.identity_id, e.references) for e in gallery.audit(after=start)]
    assert entries == [
        ("remove-references", gallery.identity("Ben").id, 2),
        ("re-embed", None, 2),
    ]


def test_a_call_that_changes_nothing_leaves_nothing(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)], metadata={"a": 1})
    gallery.enroll("Ben", [unit(1, 0)])
    before = gallery.audit(), gallery.revision()
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ann", [unit(1, 0)], metadata={"a": 1})
    gallery.describe("Ann", {"a": 1})
    gallery.rename("Ann", "Ann")
    gallery.prune(datetime(2001, 1, 1, tzinfo=UTC))
    failing: list[Callable[[], object]] = [
        lambda: gallery.enroll("Ann", [unit(3, 4)]),
        lambda: gallery.enroll("Cleo", [unit(1, 0, 0)]),
        lambda: gallery.remove("Ann", "Nobody"),
        lambda: gallery.rename("Ann", "Ben"),
        lambda: gallery.remove_references("Ann", [10**9]),
        lambda: gallery.replace_all("face-v2", {10**9: by_model("face-v2")}),
    ]
    for call in failing:
        with pytest.raises(GalleryError):
            call()
    # Reading leaves none either.
    gallery.templates(), gallery.identities(), gallery.references("Ann"), gallery.stats()
    assert (gallery.audit(), gallery.revision()) == before


def by_model(model_id: str) -> Reference:
    reference = unit(1, 0)
    return replace(reference, embedding=replace(reference.embedding, model_id=model_id))


def test_an_entry_says_who_and_when(gallery_url: str) -> None:
    before = datetime.now(UTC)
    with open_gallery(gallery_url, model_id=MODEL, mode="create", actor="front desk") as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
    with open_gallery(gallery_url, model_id=MODEL, mode="write") as gallery:
        gallery.remove("Ann")
        first, second = gallery.audit()
    assert first.actor == "front desk"
    assert second.actor == getpass.getuser()
    assert before <= first.moment <= second.moment <= datetime.now(UTC)
    assert first.moment.utcoffset() == timedelta(0)


def test_no_name_is_in_the_audit(gallery: Gallery) -> None:
    gallery.enroll("Ann Unmistakable", [unit(1, 0)], metadata={"a": "Unmistakable"})
    gallery.rename("Ann Unmistakable", "Zoe Unmistakable")
    gallery.remove("Zoe Unmistakable")
    assert "Unmistakable" not in repr(gallery.audit())


def test_pages_of_the_audit(gallery: Gallery) -> None:
    for number in range(5):
        gallery.enroll(f"person {number}", [unit(1, 0)])
    entries = gallery.audit()
    assert [entry.id for entry in entries] == sorted({entry.id for entry in entries})
    assert len(entries) == 5
    assert gallery.audit(limit=2) == entries[:2]
    assert gallery.audit(limit=2, after=entries[1].id) == entries[2:4]
    assert gallery.audit(after=entries[-1].id) == gallery.audit(limit=0) == []
    for option in ({"limit": -1}, {"after": -1}, {"after": 2**63}):
        ((name, value),) = option.items()
        with pytest.raises(UsageError) as caught:
            gallery.audit(**option)
        assert str(caught.value) == f"{name} is {value}; give a number from 0 on"


@pytest.mark.parametrize("actor", ["", " ", "a\nb", "\udce9", "x" * 256])
def test_actors_that_are_refused(gallery_url: str, actor: str) -> None:
    with pytest.raises(UsageError, match="is no name for an actor: it "):
        open_gallery(gallery_url, model_id=MODEL, mode="create", actor=actor)


def test_a_user_without_a_name(gallery_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with open_gallery(gallery_url, model_id=MODEL, mode="create") as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
        assert gallery.audit()[0].actor == "unknown"


# --- revision -------------------------------------------------------------------------------------


def test_every_change_raises_the_revision(gallery: Gallery, open_again: OpenAgain) -> None:
    reader, writer = open_again(), open_again("write")
    seen = [reader.revision()]
    changes: list[Callable[[], object]] = [
        lambda: gallery.enroll("Ann", [unit(1, 0), unit(0, 1)]),
        lambda: writer.enroll("Ben", [unit(1, 0)]),
        lambda: gallery.describe("Ben", {"b": 1}),
        lambda: gallery.rename("Ben", "Zoe"),
        lambda: gallery.remove_references("Ann", [gallery.references("Ann")[0].id]),
        lambda: writer.remove("Zoe"),
        lambda: gallery.replace_all(MODEL, {gallery.references("Ann")[0].id: unit(0, 1)}),
        lambda: gallery.prune(later()),
    ]
    for change in changes:
        change()
        seen.append(reader.revision())
        assert seen[-1] == gallery.revision() == writer.revision()
    assert seen == sorted(set(seen))
    assert seen[0] >= 0


def test_changes_at_once_each_raise_the_revision(gallery: Gallery, open_again: OpenAgain) -> None:
    before = gallery.revision()

    def work(mine: Gallery, name: str) -> None:
        for number in range(10):
            mine.enroll(f"{name} {number}", [unit(1, 0)])

    threads = [threading.Thread(target=work, args=(open_again("write"), n)) for n in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gallery.revision() - before >= 30
    assert len(gallery.audit()) == 30


def test_what_is_closed(gallery: Gallery) -> None:
    gallery.close()
    for call in (gallery.audit, gallery.revision):
        with pytest.raises(GalleryError, match="this gallery was closed"):
            call()
