"""Conformance of every store of the factory: removing and renaming."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.gallery.shared import names, unit

from steadyface.errors import GalleryError, UnknownIdentityError, UsageError
from steadyface.gallery import Counts, Enrolled, Gallery


def test_removed_identity_is_gone(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0), unit(0, 1)])
    gallery.enroll("Ben", [unit(-1, 0)])
    gallery.enroll("Cleo", [unit(0, -1)])
    assert gallery.remove("Ann") == 2
    assert gallery.count() == Counts(identities=2, references=2)
    templates = gallery.templates()
    assert templates.names == ("Ben", "Cleo")
    assert templates.vectors.tolist() == [[-1, 0], [0, -1]]
    assert templates.owners.tolist() == [0, 1]


def test_removed_identity_comes_back_at_the_end(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ben", [unit(0, 1)])
    gallery.remove("Ben")
    gallery.remove("Ann")
    assert gallery.templates().vectors.shape == (0, 2)
    gallery.enroll("Ben", [unit(-1, 0)])
    assert gallery.enroll("Ann", [unit(1, 0)]) == Enrolled(added=1, held=0, references=1)
    assert gallery.templates().names == ("Ben", "Ann")


def test_removing_several_is_all_or_none(gallery: Gallery) -> None:
    for name in ("Ann", "Ben", "Cleo"):
        gallery.enroll(name, [unit(1, 0)])
    with pytest.raises(UnknownIdentityError):
        gallery.remove("Ann", "Dora")
    assert names(gallery) == ["Ann", "Ben", "Cleo"]
    assert gallery.remove("Ann", "Cleo", "Ann") == 2
    assert names(gallery) == ["Ben"]
    with pytest.raises(UsageError) as caught:
        gallery.remove()
    assert str(caught.value) == (
        f"{gallery.location}: nobody to remove was named; give at least one name"
    )


def test_unknown_identity_names_the_closest(gallery: Gallery) -> None:
    for name in ("Jo Smith", "john smith", "Maria"):
        gallery.enroll(name, [unit(1, 0)])
    close = (
        f"{gallery.location}: no identity is called 'Jon Smith'; did you mean 'john smith' or "
        "'Jo Smith'?"
    )
    far = (
        f"{gallery.location}: no identity is called 'Xu'; no name in it comes close; `steadyface "
        "gallery list` shows those that it has"
    )
    calls: list[Callable[[str], object]] = [
        gallery.references,
        gallery.remove,
        lambda name: gallery.rename(name, "new"),
    ]
    for call in calls:
        for name, message in (("Jon Smith", close), ("Xu", far)):
            with pytest.raises(UnknownIdentityError) as caught:
                call(name)
            assert str(caught.value) == message
    assert gallery.count().identities == 3


def test_renamed_identity_keeps_references_and_place(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ben", [unit(0, 1)])
    enrolled = gallery.identities()[0].enrolled_at
    gallery.rename("Ann", "Zoe")
    assert gallery.templates().names == ("Zoe", "Ben")
    assert names(gallery) == ["Ben", "Zoe"]
    assert gallery.identities()[1].enrolled_at == enrolled
    gallery.rename("Zoe", "Zoe")
    assert names(gallery) == ["Ben", "Zoe"]


def test_renaming_onto_another_identity(gallery: Gallery) -> None:
    gallery.enroll("Ann", [unit(1, 0)])
    gallery.enroll("Ben", [unit(0, 1)])
    with pytest.raises(GalleryError) as caught:
        gallery.rename("Ann", "Ben")
    assert str(caught.value) == (
        f"{gallery.location}: cannot rename 'Ann': another identity is called 'Ben'; choose "
        "another name, or remove that identity first"
    )
    assert gallery.templates().names == ("Ann", "Ben")
