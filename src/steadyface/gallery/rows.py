"""From what a store has read to what the contract returns.

A `ValueError` from here means that the store contradicts itself: it is damaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from steadyface.gallery import codec
from steadyface.gallery.values import Changes, Mark
from steadyface.types import FloatArray, Templates

#: Rows decoded at a time, so that the matrix is never in memory twice.
BATCH = 4096

#: Owner's id, model, vector as `codec` writes it and quality of some references.
Batch: TypeAlias = Sequence[tuple[int, str, bytes, float | None]]

#: Of an identity that is newer than a mark: revision of its last change, id, and name, which is
#: None where it was removed.
Item: TypeAlias = tuple[int, int, str | None]


def noted_dimension(meta: Mapping[str, str], stored: float | None) -> int:
    """Return the length of a gallery's vectors; 0 where it never had one.

    A damaged number must not become the size of an allocation.

    Args:
        meta: the table of facts.
        stored: how many numbers any one vector has; None where there is none.
    """
    dimension = int(meta.get("dimension", "0"))
    if stored is not None and stored != dimension:
        raise ValueError("the vectors do not have the length noted for them")
    return dimension


def assemble_templates(
    identities: Sequence[tuple[int, str]],
    batches: Iterable[Batch],
    *,
    total: int,
    dimension: int,
    model_id: str,
) -> Templates:
    """Return every reference as one matrix; the arrays are read-only.

    Args:
        identities: id and name of each, in the order in which they are told.
        batches: of every reference, by owner in that order, then by order of enrolment.
        total: how many references there are.
        dimension: length of their vectors.
        model_id: the gallery's model.
    """
    place = {identity: row for row, (identity, _) in enumerate(identities)}
    vectors: FloatArray = np.empty((total, dimension), dtype=np.float32)
    owners = np.empty(total, dtype=np.int64)
    qualities = np.empty(total, dtype=np.float32)
    end = 0
    for rows in batches:
        start, end = end, end + len(rows)
        if not rows:
            continue
        holders, models, blobs, measured = zip(*rows, strict=True)
        if not place.keys() >= set(holders) or set(models) != {model_id}:
            raise ValueError("a reference belongs to no identity or to another model")
        vectors[start:end] = codec.decode_vectors(blobs, dimension)
        owners[start:end] = [place[holder] for holder in holders]
        qualities[start:end] = [np.nan if one is None else one for one in measured]
    if end != total:
        raise ValueError(f"{total} references are counted and {end} are found")
    for array in (vectors, owners, qualities):
        array.setflags(write=False)
    return Templates(tuple(name for _, name in identities), vectors, owners, model_id, qualities)


def assemble_changes(
    since: Mark,
    items: Sequence[Item],
    batches: Iterable[Batch],
    *,
    limit: int,
    total: int,
    dimension: int,
    model_id: str,
) -> Changes:
    """Return a page of changes.

    Args:
        since: the mark that was asked with.
        items: what is newer in order, one more than `limit` where there are so many.
        batches: of the references of the first `limit`; the rest as for `assemble_templates`.
        limit: of the page.
        total: how many references these are.
        dimension: length of their vectors.
        model_id: the gallery's model.
    """
    page = items[:limit]
    identities = [(number, name) for _, number, name in page if name is not None]
    ids = np.array([number for number, _ in identities], dtype=np.int64)
    ids.setflags(write=False)
    return Changes(
        mark=Mark(*page[-1][:2]) if page else since,
        ids=ids,
        templates=assemble_templates(
            identities, batches, total=total, dimension=dimension, model_id=model_id
        ),
        removed=tuple(number for _, number, name in page if name is None),
        complete=len(items) <= limit,
    )
