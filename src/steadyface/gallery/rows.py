"""From what a store has read to what the contract returns.

A `ValueError` from here means that the store contradicts itself: it is damaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from steadyface.gallery import codec
from steadyface.gallery.values import Changes, Mark
from steadyface.types import FloatArray, Templates

#: Rows decoded at a time, so that the matrix is never in memory twice.
BATCH = 4096

#: Owner's id, model, vector as `codec` writes it and quality of some references.
Batch: TypeAlias = Sequence[tuple[int, str, bytes, float | None]]


class Item(NamedTuple):
    """An identity that is newer than a mark.

    Attributes:
        mark: its last change.
        name: None where it was removed.
    """

    mark: Mark
    name: str | None


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
        if any(owner not in place or model != model_id for owner, model, *_ in rows):
            raise ValueError("a reference belongs to no identity or to another model")
        vectors[start:end] = codec.decode_vectors([row[2] for row in rows], dimension)
        owners[start:end] = [place[row[0]] for row in rows]
        qualities[start:end] = [np.nan if row[3] is None else row[3] for row in rows]
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
    identities = [(item.mark.identity, item.name) for item in page if item.name is not None]
    ids = np.array([number for number, _ in identities], dtype=np.int64)
    ids.setflags(write=False)
    return Changes(
        mark=page[-1].mark if page else since,
        ids=ids,
        templates=assemble_templates(
            identities, batches, total=total, dimension=dimension, model_id=model_id
        ),
        removed=tuple(item.mark.identity for item in page if item.name is None),
        complete=len(items) <= limit,
    )
