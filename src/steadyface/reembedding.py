"""A gallery goes over to another model: its images are found again and embedded anew."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np

from steadyface.errors import (
    DatasetLayoutError,
    ImageNotFoundError,
    SteadyfaceError,
    UsageError,
)
from steadyface.gallery.contract import Gallery
from steadyface.gallery.values import Replaced
from steadyface.imaging.files import list_images
from steadyface.matching.calibration import has_calibration, load_calibration
from steadyface.pipeline import Analyzer, no_face
from steadyface.types import FloatArray, Reference

#: Farther apart two embeddings of one image are not, whatever batch and machine made them.
_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Origin:
    """One reference of a gallery and the image that it was made of.

    Attributes:
        id: of the reference.
        identity: whose it is.
        source: as the gallery has it.
        image: the file; None where it was not found.
        doubtful: that a file was found which may as well be another reference's.
    """

    id: int
    identity: str
    source: str
    image: Path | None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Origins:
    """The images of a gallery.

    Attributes:
        folder: where they were looked for.
        each: every reference of the gallery.
        revision: of the gallery when it was read.
    """

    folder: Path
    each: tuple[Origin, ...]
    revision: int


@dataclass(frozen=True, slots=True, eq=False)
class Replacement:
    """What is to take the place of a reference, or what kept it back (never both)."""

    origin: Origin
    reference: Reference | None = None
    error: SteadyfaceError | None = None


def find_origins(gallery: Gallery, folder: Path) -> Origins:
    """Look for the image of every reference of a gallery.

    An image is the file of the source's path below `folder`, or at the path itself where that is
    below `folder`. Else it is the file of that name in a folder of the identity's name, anywhere
    below, else the one file of that name below `folder`: either only where no other reference
    could claim it, for an image under a wrong name would do more harm than one that is missing.
    For the same reason a file to which several references lead is found for none of them, unless
    their embeddings say that they were made of one image.

    Raises:
        DatasetLayoutError: there is no such folder.
        UnreadableImageError: a folder below it cannot be listed.
    """
    if not folder.is_dir():
        what = "is a file; give a folder" if folder.exists() else "no such folder; check the path"
        raise DatasetLayoutError(f"{folder}: {what}")
    revision = gallery.revision()
    stored = [
        (reference.id, summary.name, reference.source)
        for summary in gallery.identities()
        for reference in gallery.references(summary.name)
    ]
    search = _Search(folder, [(name, source) for _, name, source in stored])
    each = [Origin(n, name, source, search.find(name, source)) for n, name, source in stored]
    doubtful = _doubtful(gallery, each)
    each = [replace(o, image=None, doubtful=True) if o.id in doubtful else o for o in each]
    return Origins(folder, tuple(each), revision)


def embed_again(origins: Origins, analyzer: Analyzer) -> Iterator[Replacement]:
    """Embed the images that were found; one answer a reference, in order.

    Args:
        origins: the images.
        analyzer: of the new model.
    """
    model_id = analyzer.model_id
    calibration = load_calibration(model_id).id if has_calibration(model_id) else None
    images = [origin.image for origin in origins.each if origin.image is not None]
    results = analyzer.analyze_many(images)
    for origin in origins.each:
        if origin.image is None:
            yield Replacement(origin, error=_not_found(origin, origins.folder))
            continue
        result = next(results)
        if result.error is not None:
            yield Replacement(origin, error=result.error)
        elif not result.faces[0].located:
            yield Replacement(origin, error=no_face(result.source))
        else:
            face = result.faces[0]
            reference = Reference(
                face.embedding, origin.source, quality=face.quality, calibration=calibration
            )
            yield Replacement(origin, reference)


def go_over(
    gallery: Gallery,
    model_id: str,
    origins: Origins,
    replacements: Iterable[Replacement],
    *,
    drop_missing: bool = False,
) -> Replaced | None:
    """Exchange every embedding of the gallery by one change.

    Args:
        gallery: open for writing.
        model_id: the new model.
        origins: what was read of the gallery.
        replacements: for every reference of it.
        drop_missing: remove references that have no replacement.

    Returns:
        What was done; None where a reference has no replacement and is not to be dropped, so that
        nothing was changed.

    Raises:
        GalleryLockedError: the gallery was changed since it was read: what came to it would be
            lost.
        UsageError: no reference at all has a replacement.
    """
    every = list(replacements)
    new = {one.origin.id: one.reference for one in every if one.reference is not None}
    if len(new) < len(every):
        if not drop_missing:
            return None
        if not new:
            raise UsageError(
                f"{origins.folder}: no image of the gallery can be used, and dropping them all "
                "would leave nothing; give the folder that holds the enrolled images"
            )
    return gallery.replace_all(model_id, new, revision=origins.revision)


def _doubtful(gallery: Gallery, origins: Iterable[Origin]) -> set[int]:
    """References whose file others have too, which were made of another image than it."""
    by_file: dict[Path, list[Origin]] = {}
    for one in origins:
        if one.image is not None:
            by_file.setdefault(one.image.resolve(), []).append(one)
    shared = [some for some in by_file.values() if len(some) > 1]
    wanted = {one.id for some in shared for one in some}
    vectors = {
        reference.id: reference.embedding.vector
        for name in sorted({one.identity for some in shared for one in some})
        for reference in gallery.references(name)
        if reference.id in wanted
    }
    return {
        one.id
        for some in shared
        if not _of_one_image([vectors[one.id] for one in some if one.id in vectors])
        for one in some
    }


def _of_one_image(vectors: Sequence[FloatArray]) -> bool:
    return all(float(np.linalg.norm(one - vectors[0])) <= _ROUNDING for one in vectors)


def _not_found(origin: Origin, folder: Path) -> ImageNotFoundError:
    if origin.doubtful:
        return ImageNotFoundError(
            origin.source,
            f"reference {origin.id} of {origin.identity!r} is not the only one that leads to this "
            f"file below {folder}, and they are of different images; put each into a folder of "
            "the identity's name, and this file elsewhere",
        )
    return ImageNotFoundError(
        origin.source or f"reference {origin.id}",
        f"no image of reference {origin.id} of {origin.identity!r} is below {folder}; put it there",
    )


class _Search:
    """Where the images of sources are, with what other references could claim them."""

    def __init__(self, folder: Path, stored: Sequence[tuple[str, str]]) -> None:
        self._folder = folder
        self._by_owner: dict[tuple[str, str], list[Path]] = {}
        self._by_name: dict[str, list[Path]] = {}
        for image in list_images(folder):
            owner, name = _nfc(image.parent.name), _nfc(image.name)
            self._by_owner.setdefault((owner, name), []).append(image)
            self._by_name.setdefault(name, []).append(image)
        files = [(owner, _file_name(source)) for owner, source in stored]
        self._claims = Counter(files)
        self._claims_by_name = Counter(name for _, name in files)

    def find(self, identity: str, source: str) -> Path | None:
        """The image of a source; None where there is none, or more than one could be it."""
        exact = self._exact(source)
        if exact is not None:
            return exact
        name = _file_name(source)
        key = _nfc(identity), name
        if self._claims[identity, name] == 1 and len(self._by_owner.get(key, ())) == 1:
            return self._by_owner[key][0]
        if self._claims_by_name[name] == 1 and len(self._by_name.get(name, ())) == 1:
            return self._by_name[name][0]
        return None

    def _exact(self, source: str) -> Path | None:
        root = os.path.abspath(self._folder)  # noqa: PTH100 (not resolved: links stay as given)
        for path in (os.path.join(root, source), source):  # noqa: PTH118
            place = os.path.abspath(path)  # noqa: PTH100
            # A source may come out of another's file: it does not lead out of the folder.
            if place.startswith(root + os.sep) and Path(place).is_file():
                return self._folder / Path(place).relative_to(root)
        return None


def _file_name(source: str) -> str:
    return _nfc(PurePath(source).name)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
