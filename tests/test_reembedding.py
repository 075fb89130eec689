from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.colours import ColourFinder, ColourNetwork

from steadyface.errors import DatasetLayoutError, GalleryLockedError
from steadyface.gallery import Counts, Gallery, Replaced, open_gallery
from steadyface.pipeline import Analyzer
from steadyface.reembedding import embed_again, find_origins, go_over
from steadyface.types import Embedding, Reference

Paint = Callable[..., Path]


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with open_gallery(tmp_path / "people.db", model_id="old", mode="create") as opened:
        yield opened


def enroll(gallery: Gallery, identity: str, *sources: str) -> None:
    number = gallery.count().references
    for source in sources:
        number += 1
        vector = np.array([np.cos(number), np.sin(number)], dtype=np.float32)
        gallery.enroll(identity, [Reference(Embedding(vector, "old"), source)])


def found(gallery: Gallery, folder: Path) -> dict[str, str | None]:
    origins = find_origins(gallery, folder)
    return {
        f"{one.identity}:{one.source}": None
        if one.image is None
        else one.image.relative_to(folder).as_posix()
        for one in origins.each
    }


def test_an_image_is_found_by_its_path(gallery: Gallery, tmp_path: Path, paint: Paint) -> None:
    folder = tmp_path / "photos"
    for name in ("a/1.png", "b/1.png", "b/2.png", "x.png"):
        paint(folder / name)
    (folder / "x.png").rename(folder / "noname")
    absolute = str(folder / "b" / "1.png")
    enroll(gallery, "Ann", "a/1.png", absolute, "noname", "./a/../b/2.png")
    assert found(gallery, folder) == {
        "Ann:a/1.png": "a/1.png",
        f"Ann:{absolute}": "b/1.png",
        "Ann:noname": "noname",
        "Ann:./a/../b/2.png": "b/2.png",
    }


def test_a_path_from_where_one_stands(
    gallery: Gallery, tmp_path: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "photos" / "deep" / "1.png")
    monkeypatch.chdir(tmp_path)
    enroll(gallery, "Ann", "photos/deep/1.png")
    assert found(gallery, Path("photos")) == {"Ann:photos/deep/1.png": "deep/1.png"}


def test_an_image_is_found_in_a_folder_of_the_identity_s_name(
    gallery: Gallery, tmp_path: Path, paint: Paint
) -> None:
    folder = tmp_path / "photos"
    for name in ("x/Ann/1.png", "x/Ben/1.png", "y/Jose\u0301/2.png", "z/2.png"):
        paint(folder / name)
    enroll(gallery, "Ann", "/gone/1.png")
    enroll(gallery, "Ben", "/gone/too/1.png")
    enroll(gallery, "José", "/gone/2.png")
    assert list(found(gallery, folder).values()) == [
        "x/Ann/1.png",
        "x/Ben/1.png",
        "y/Jose\u0301/2.png",
    ]


def test_an_image_is_found_by_a_name_that_is_its_own(
    gallery: Gallery, tmp_path: Path, paint: Paint
) -> None:
    paint(tmp_path / "photos" / "deep" / "one.png")
    enroll(gallery, "Ann", "/gone/one.png")
    assert found(gallery, tmp_path / "photos") == {"Ann:/gone/one.png": "deep/one.png"}


def test_an_image_that_two_could_claim_is_nobody_s(
    gallery: Gallery, tmp_path: Path, paint: Paint
) -> None:
    folder = tmp_path / "photos"
    for name in ("1.png", "Ben/2.png", "x/Cy/3.png", "y/Cy/3.png"):
        paint(folder / name)
    enroll(gallery, "Ann", "/gone/a/1.png")
    enroll(gallery, "Ben", "/gone/b/1.png", "/gone/b/2.png", "/gone/c/2.png")
    enroll(gallery, "Cy", "/gone/3.png")
    assert set(found(gallery, folder).values()) == {None}


def test_a_path_that_two_have_is_nobody_s(gallery: Gallery, tmp_path: Path, paint: Paint) -> None:
    folder = tmp_path / "photos"
    for name in ("1.png", "Cy/2.png", "3.png"):
        paint(folder / name)
    enroll(gallery, "Ann", "1.png", "./Cy/2.png")
    enroll(gallery, "Ben", "1.png", "3.png")
    enroll(gallery, "Cy", "/gone/2.png")
    origins = find_origins(gallery, folder)
    assert [one.image for one in origins.each] == [None, None, None, folder / "3.png", None]
    analyzer = Analyzer(ColourFinder(), ColourNetwork("new"))
    first = next(embed_again(origins, analyzer)).error
    assert "reference 1 of 'Ann' is not the only one that leads to this file" in str(first)


def test_a_path_that_two_have_of_one_image_is_both_s(
    gallery: Gallery, tmp_path: Path, paint: Paint
) -> None:
    image = paint(tmp_path / "photos" / "1.png")
    for name, source, rounding in (("Ann", "1.png", 0.0), ("Ben", "x/../1.png", 1e-6)):
        vector = np.array([np.cos(rounding), np.sin(rounding)], dtype=np.float32)
        gallery.enroll(name, [Reference(Embedding(vector, "old"), source)])
    assert [one.image for one in find_origins(gallery, tmp_path / "photos").each] == [image, image]


def test_a_source_does_not_lead_out_of_the_folder(
    gallery: Gallery, tmp_path: Path, paint: Paint
) -> None:
    secret, folder = paint(tmp_path / "secret.png"), tmp_path / "photos"
    folder.mkdir()
    enroll(gallery, "Ann", str(secret), "../secret.png", "", "<array>", "a\0b.png", "..")
    assert set(found(gallery, folder).values()) == {None}
    with pytest.raises(DatasetLayoutError, match="is a file; give a folder"):
        find_origins(gallery, secret)


def test_a_gallery_that_was_changed_meanwhile_is_left_alone(
    gallery: Gallery, tmp_path: Path, paint: Paint
) -> None:
    folder = tmp_path / "photos"
    paint(folder / "1.png")
    enroll(gallery, "Ann", "1.png")
    origins = find_origins(gallery, folder)
    new = list(embed_again(origins, Analyzer(ColourFinder(), ColourNetwork("new"))))
    enroll(gallery, "Ben", "2.png")
    with pytest.raises(GalleryLockedError, match="so nothing was changed by this; run it"):
        go_over(gallery, "new", origins, new)
    assert gallery.model_id == "old"
    gallery.remove("Ben")
    done = go_over(gallery, "new", find_origins(gallery, folder), new)
    assert done is not None and done.replaced == 1
    assert gallery.model_id == "new"


def test_what_another_process_enrols_at_the_last_moment_is_not_lost(
    gallery: Gallery, tmp_path: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    paint(folder / "1.png")
    enroll(gallery, "Ann", "1.png")
    origins = find_origins(gallery, folder)
    new = list(embed_again(origins, Analyzer(ColourFinder(), ColourNetwork("new"))))
    replace = gallery.replace_all

    def late(*arguments: Any, **options: Any) -> Replaced:
        with open_gallery(tmp_path / "people.db", model_id="old", mode="write") as other:
            enroll(other, "Ben", "2.png")
        return replace(*arguments, **options)

    monkeypatch.setattr(gallery, "replace_all", late)
    with pytest.raises(GalleryLockedError, match="changed meanwhile"):
        go_over(gallery, "new", origins, new)
    assert gallery.model_id == "old"
    assert gallery.count() == Counts(2, 2)


def test_a_gallery_of_nobody_goes_over(gallery: Gallery, tmp_path: Path) -> None:
    origins = find_origins(gallery, tmp_path)
    done = go_over(gallery, "new", origins, [], drop_missing=True)
    assert done is not None and (done.replaced, done.removed) == (0, 0)
    assert gallery.model_id == "new"
