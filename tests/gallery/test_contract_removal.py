"""Conformance of every store of the factory: removing single references, and what is too old."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from tests.gallery.shared import MODEL, OpenAgain, names, unit

from steadyface.errors import GalleryError, UsageError
from steadyface.gallery import Counts, Gallery, Pruned

NOTHING = Pruned(references=0, identities=0)


def ids(gallery: Gallery, name: str) -> list[int]:
    return [reference.id for reference in gallery.references(name)]


def pause() -> datetime:
    """A moment that everything before is older than, and everything afterwards is not."""
    time.sleep(0.002)
    moment = datetime.now(UTC)
    time.sleep(0.002)
    return moment


# --- remove_references ----------------------------------------------------------------------------


def test_removed_references_are_gone_and_the_others_stay(
    gallery: Gallery, open_again: OpenAgain
) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1), unit(-1, 0)])
    gallery.enroll("Ben", [unit(0, -1)])
    first, second, third = ids(gallery, "Ann")
    assert gallery.remove_references("Ann", {third, first}) == 2
    for opened in (gallery, open_again()):
        assert ids(opened, "Ann") == [second]
        assert opened.templates().vectors.tolist() == [[0, 1], [0, -1]]
    assert gallery.enroll("Ann", [unit(1, 0)]).added == 1
    assert ids(gallery, "Ann")[-1] > third


def test_an_identity_stays_without_references(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)], metadata={"a": 1})
    gallery.enroll("Ben", [unit(0, 1)])
    before = gallery.identity("Ann")
    assert gallery.remove_references("Ann", ids(gallery, "Ann")) == 1
    after = gallery.identity("Ann")
    assert (after.references, after.id, after.metadata) == (0, before.id, {"a": 1})
    assert gallery.references("Ann") == []
    assert gallery.templates().names == ("Ann", "Ben")
    assert gallery.templates().owners.tolist() == [1]


def test_an_id_given_twice_counts_once(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    assert gallery.remove_references("Ann", ids(gallery, "Ann")[:1] * 2) == 1


def test_ids_out_of_an_array(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    (first, second) = np.array(ids(gallery, "Ann"))
    gallery.replace_all(MODEL, {first: unit(0, -1), second: unit(0, 1)})
    assert gallery.remove_references("Ann", [first]) == 1
    assert gallery.templates().vectors.tolist() == [[0, 1]]


def test_ids_that_the_identity_lacks_keep_all(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    gallery.enroll("Ben", [unit(1, 0)])
    ann, ben = ids(gallery, "Ann"), ids(gallery, "Ben")
    with pytest.raises(GalleryError) as caught:
        gallery.remove_references("Ann", [ann[0], 10**30, *ben])
    assert str(caught.value) == (
        f"{gallery.location}: 'Ann' has no reference with the id {ben[0]}, {10**30}; nothing was "
        "changed; `steadyface gallery show` shows the ids of an identity's references"
    )
    with pytest.raises(GalleryError, match=r"with the id 1001, .*, 1010 and 5 more; nothing was"):
        gallery.remove_references("Ann", range(1001, 1016))
    with pytest.raises(UsageError) as caught_usage:
        gallery.remove_references("Ann", [])
    assert str(caught_usage.value) == (
        f"{gallery.location}: no references of 'Ann' to remove were named; give at least one id"
    )
    assert gallery.count() == Counts(2, 3)


# --- prune ----------------------------------------------------------------------------------------


def test_what_is_too_old_goes(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    gallery.enroll("Ben", [unit(1, 0)])
    moment = pause()
    gallery.enroll("Ben", [unit(0, 1)])
    gallery.enroll("Cleo", [unit(0, -1)])
    expected = Pruned(references=3, identities=1)
    assert open_again().prunable(moment) == expected
    assert gallery.count() == Counts(3, 5)
    assert gallery.prune(moment) == expected
    for opened in (gallery, open_again()):
        assert names(opened) == ["Ben", "Cleo"]
        assert opened.templates().vectors.tolist() == [[0, 1], [0, -1]]
    assert gallery.prunable(moment) == gallery.prune(moment) == NOTHING


def test_nothing_is_too_old(gallery: Gallery) -> None:
    moment = pause()
    gallery.enroll("Ann", [unit(1, 0)])
    for old in (moment, datetime(1, 1, 1, tzinfo=UTC)):
        assert gallery.prunable(old) == gallery.prune(old) == NOTHING
    assert names(gallery) == ["Ann"]


def test_an_identity_that_was_left_without_references_goes_when_it_is_old(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.remove_references("Ann", ids(gallery, "Ann"))
    moment = pause()
    gallery.enroll("Ben", [unit(1, 0)])
    gallery.remove_references("Ben", ids(gallery, "Ben"))
    assert gallery.prune(moment) == Pruned(references=0, identities=1)
    assert names(gallery) == ["Ben"]


def test_the_moment_is_one_in_any_zone(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    moment = pause()
    for hours in (-12, 14):
        zone = timezone(timedelta(hours=hours))
        assert gallery.prunable(moment.astimezone(zone)) == Pruned(1, 1)
        assert gallery.prunable((moment - timedelta(days=1)).astimezone(zone)) == NOTHING


def test_a_moment_that_is_none(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    calls: list[Callable[[datetime], object]] = [gallery.prune, gallery.prunable]
    for call in calls:
        with pytest.raises(UsageError) as caught:
            call(datetime(2999, 1, 1))
        assert str(caught.value) == (
            f"{gallery.location}: older_than is 2999-01-01 00:00:00 without a time zone; give one, "
            "as tzinfo=UTC"
        )
        with pytest.raises(UsageError, match="which is no time in UTC; give another"):
            call(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))))
    assert names(gallery) == ["Ann"]


def test_what_is_opened_for_reading_or_closed(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    reader = open_again()
    moment = pause()
    changes: list[Callable[[Gallery], object]] = [
        lambda opened: opened.prune(moment),
        lambda opened: opened.remove_references("Ann", [1]),
    ]
    for change in changes:
        with pytest.raises(UsageError, match="was opened for reading"):
            change(reader)
    assert names(gallery) == ["Ann"]
    gallery.close()
    calls: list[Callable[[Gallery], object]] = [
        *changes,
        lambda opened: opened.prunable(moment),
    ]
    for call in calls:
        with pytest.raises(GalleryError, match="this gallery was closed"):
            call(gallery)
