"""Conformance of every store of the factory: metadata of identities, and looking one up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.gallery.shared import OpenAgain, unit

from steadyface.errors import GalleryError, UnknownIdentityError, UsageError
from steadyface.gallery import Gallery

METADATA = {"room": "été", "tags": ["a", None, True], "until": {"year": 2030.5}}


def test_a_new_identity_has_no_metadata(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    assert gallery.identity("Ann").metadata == {}


def test_metadata_comes_back_from_every_reading(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [unit(1, 0)], metadata=METADATA)
    gallery.enroll("Ben", [unit(1, 0)])
    for opened in (gallery, open_again()):
        assert opened.identity("Ann").metadata == METADATA
        assert [identity.metadata for identity in opened.identities()] == [METADATA, {}]


def test_enrolling_replaces_metadata_only_where_it_is_given(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)], metadata={"a": 1, "b": 2})
    gallery.enroll("Ann", [unit(0, 1)])
    assert gallery.identity("Ann").metadata == {"a": 1, "b": 2}
    # Also where the references are held already.
    assert gallery.enroll("Ann", [unit(0, 1)], metadata={"c": 3}).held == 1
    assert gallery.identity("Ann").metadata == {"c": 3}
    gallery.enroll("Ann", [unit(-1, 0)], metadata={})
    assert gallery.identity("Ann").metadata == {}


def test_describing_replaces_metadata_and_nothing_else(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)], metadata={"a": 1})
    gallery.enroll("Ben", [unit(0, 1)], metadata={"b": 1})
    before = gallery.identities()
    gallery.describe("Ann", METADATA)
    assert gallery.identities() == [replace(before[0], metadata=METADATA), before[1]]
    gallery.describe("Ann", {})
    assert gallery.identity("Ann").metadata == {}
    assert gallery.count().references == 2


def test_metadata_stays_with_the_renamed_and_goes_with_the_removed(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)], metadata=METADATA)
    gallery.rename("Ann", "Zoe")
    assert gallery.identity("Zoe").metadata == METADATA
    gallery.remove("Zoe")
    gallery.enroll("Zoe", [unit(1, 0)])
    assert gallery.identity("Zoe").metadata == {}


@pytest.mark.parametrize("metadata", [{"x": math.inf}, {"x": b"bytes"}, {"x": {1, 2}}])
def test_metadata_that_json_cannot_hold(gallery: Gallery, metadata: dict[str, Any]) -> None:
    gallery.enroll("Ann", [unit(1, 0)], metadata={"a": 1})
    calls: list[Callable[[], object]] = [
        lambda: gallery.enroll("Ann", [unit(0, 1)], metadata=metadata),
        lambda: gallery.describe("Ann", metadata),
    ]
    for call in calls:
        with pytest.raises(UsageError) as caught:
            call()
        message = str(caught.value)
        assert message.startswith(f"{gallery.location}: 'Ann' has metadata that JSON cannot hold (")
        assert message.endswith("; use text, finite numbers, true, false, null, lists and objects")
    assert gallery.identity("Ann").metadata == {"a": 1}
    assert gallery.count().references == 1


def test_one_identity_is_as_in_the_list(gallery: Gallery) -> None:
    for name in ("Ann", "Jos\u00e9", "Zoe"):
        gallery.enroll(name, [unit(1, 0), unit(0, 1)])
    for listed in gallery.identities():
        assert gallery.identity(listed.name) == listed
    assert gallery.identity("Jose\u0301").name == "Jos\u00e9"


def test_ids_of_identities_are_never_given_again(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ben", [unit(1, 0)])
    ann, ben = gallery.identity("Ann").id, gallery.identity("Ben").id
    assert ann < ben
    gallery.remove("Ann", "Ben")
    gallery.enroll("Ben", [unit(1, 0)])
    assert gallery.identity("Ben").id > ben
    gallery.rename("Ben", "Cleo")
    assert open_again().identity("Cleo").id == gallery.identity("Cleo").id


def test_an_identity_that_is_not_there(gallery: Gallery) -> None:
    gallery.enroll("john smith", [unit(1, 0)])
    calls: list[Callable[[], object]] = [
        lambda: gallery.identity("Jon Smith"),
        lambda: gallery.describe("Jon Smith", {}),
        lambda: gallery.remove_references("Jon Smith", [1]),
    ]
    for call in calls:
        with pytest.raises(UnknownIdentityError) as caught:
            call()
        assert str(caught.value) == (
            f"{gallery.location}: no identity is called 'Jon Smith'; did you mean 'john smith'?"
        )


def test_calibration_comes_back(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [replace(unit(1, 0), calibration="celeba/1"), unit(0, 1)])
    for opened in (gallery, open_again()):
        assert [r.calibration for r in opened.references("Ann")] == ["celeba/1", None]


def test_what_is_opened_for_reading_or_closed(gallery: Gallery, open_again: OpenAgain) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    reader = open_again()
    with pytest.raises(UsageError, match="was opened for reading; open it with mode='write'"):
        reader.describe("Ann", {})
    assert reader.identity("Ann").references == 1
    reader.close()
    calls: list[Callable[[], object]] = [
        lambda: reader.identity("Ann"),
        lambda: gallery.describe("Ann", {}),
    ]
    gallery.close()
    for call in calls:
        with pytest.raises(GalleryError, match="this gallery was closed; open it again"):
            call()
