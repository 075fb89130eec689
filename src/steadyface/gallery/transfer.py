"""Galleries as portable files: a ZIP of one JSON document and one matrix. No pickle.

`gallery.json` says who there is, identity by identity in the order of enrolment, and `vectors.npy`
has the vectors, a row for each reference in the order in which the document lists them. Both are
stored without compression: vectors do not compress, and nothing can unfold to more than the file.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Any

import numpy as np

from steadyface.errors import (
    GalleryLockedError,
    GalleryModelError,
    OutputError,
    UnknownIdentityError,
    UsageError,
)
from steadyface.gallery import codec
from steadyface.gallery.contract import Gallery
from steadyface.gallery.transfer_file import (
    DOCUMENT,
    SCHEMA,
    VECTORS,
    Portable,
    read_portable,
)
from steadyface.gallery.values import Counts, IdentitySummary, NewPerson, StoredReference
from steadyface.types import FloatArray

#: How often a gallery that others change meanwhile is read before giving up.
_TRIES = 5

_Person = tuple[IdentitySummary, list[StoredReference]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of an imported file.

    Attributes:
        added: how many references were stored.
        held: how many were not, for their identity has the same embedding already.
        identities: how many identities they belong to.
    """

    added: int
    held: int
    identities: int


def export_gallery(gallery: Gallery, file: Path) -> Counts:
    """Write everything a gallery holds, save its audit, to one file, which must be kept as safe.

    The file is there as a whole or not at all; one that was there before is replaced. It is one
    state of the gallery, whatever other processes do meanwhile. Everything is in memory at once.

    Args:
        gallery: open in any mode.
        file: what to write, as `people.zip`; only this user may read it.

    Returns:
        How much the file holds.

    Raises:
        UsageError: the file is the gallery itself.
        OutputError: it cannot be written.
        GalleryLockedError: other processes kept changing the gallery.
    """
    if file.exists() and Path(gallery.location).exists() and file.samefile(gallery.location):
        raise UsageError(f"{file}: is the gallery itself; choose another file to export it to")
    people = _read_everybody(gallery)
    try:
        # Only for this user, and nothing that was there before: not of another mode, no link to
        # elsewhere, not another export's.
        descriptor, name = mkstemp(prefix=f"{file.name}.", suffix=".part", dir=file.parent)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                _write(stream, people, gallery.model_id)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{file}: cannot be written ({error.strerror}); choose another file or free some space"
        ) from error
    return Counts(len(people), sum(len(references) for _, references in people))


def import_gallery(gallery: Gallery, file: Path) -> Imported:
    """Enrol everybody in a file of `export_gallery`.

    The whole file is checked first. Then each identity is enrolled as by `Gallery.enroll`: one that
    is there already keeps what it has and gains what is new to it, so that importing once more, or
    after an interruption, stores nothing twice. References keep their sources, metadata, qualities
    and calibrations. Their ids and times of enrolment are new: the gallery says when it came to
    hold them, and a retention period runs from then. Metadata of an identity replaces what the
    gallery has, unless it is empty. Identities without references are left out.

    Raises:
        GalleryNotFoundError: there is no such file.
        GalleryCorruptError: it is no export, or damaged.
        GalleryModelError: its embeddings are of another model than the gallery's.
        GalleryError: it cannot be read, or a newer steadyface wrote it.
    """
    portable = read_portable(file)
    if portable.model_id != gallery.model_id:
        raise GalleryModelError(
            f"{file}: holds embeddings of the model {portable.model_id!r}, but {gallery.location} "
            f"holds those of {gallery.model_id!r}, and they do not compare; import it into a "
            f"gallery made with {portable.model_id!r}"
        )
    return _enrol_everybody(gallery, portable)


def _enrol_everybody(gallery: Gallery, portable: Portable) -> Imported:
    done = gallery.enroll_many(
        NewPerson(person.name, person.references, person.metadata or None)
        for person in portable.people
        if person.references
    )
    return Imported(sum(one.added for one in done), sum(one.held for one in done), len(done))


def _read_everybody(gallery: Gallery) -> list[_Person]:
    """Everybody with their references, first enrolled first, at one moment."""
    for _ in range(_TRIES):
        revision = gallery.revision()
        try:
            summaries = sorted(gallery.identities(), key=lambda identity: identity.id)
            people = [(summary, gallery.references(summary.name)) for summary in summaries]
        except UnknownIdentityError:
            continue  # removed or renamed since they were listed
        if gallery.revision() == revision:
            return people
    raise GalleryLockedError(
        f"{gallery.location}: other processes changed the gallery while it was exported, "
        f"{_TRIES} times in a row; try again when they have finished"
    )


def _write(stream: IO[bytes], people: Sequence[_Person], model_id: str) -> None:
    vectors = _matrix(people)
    document = _document(people, model_id, vectors.shape[1])
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(DOCUMENT, json.dumps(document, allow_nan=False))
        with archive.open(VECTORS, "w", force_zip64=True) as member:
            np.lib.format.write_array(member, vectors, version=(1, 0), allow_pickle=False)
    stream.flush()
    os.fsync(stream.fileno())


def _matrix(people: Sequence[_Person]) -> FloatArray:
    rows = [reference.embedding.vector for _, references in people for reference in references]
    if not rows:
        return np.empty((0, 0), dtype=np.float32)
    return np.stack(rows).astype(codec.VECTOR_DTYPE, copy=False)


def _document(people: Sequence[_Person], model_id: str, dimension: int) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model_id": model_id,
        "format": codec.VECTOR_FORMAT,
        "dimension": dimension,
        "identities": [
            {
                "name": summary.name,
                "metadata": summary.metadata,
                "enrolled_at": codec.encode_time(summary.enrolled_at),
                "references": [_reference(reference) for reference in references],
            }
            for summary, references in people
        ],
    }


def _reference(reference: StoredReference) -> dict[str, Any]:
    return {
        "id": reference.id,
        "source": reference.source,
        "metadata": reference.metadata,
        "quality": reference.quality,
        "calibration": reference.calibration,
        "enrolled_at": codec.encode_time(reference.enrolled_at),
    }
