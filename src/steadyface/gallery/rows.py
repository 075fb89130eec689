"""From what a store has read to what the contract returns.

A `ValueError` from here means that the store contradicts itself: it is damaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from steadyface.gallery import codec
from steadyface.types import FloatArray, Templates

#: Rows decoded at a time, so that the matrix is never in memory twice.
BATCH = 4096


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
    batches: Iterable[Sequence[tuple[int, str, bytes, float | None]]],
    *,
    total: int,
    dimension: int,
    model_id: str,
) -> Templates:
    """Return every reference as one matrix; the arrays are read-only.

    Args:
        identities: id and name of each, first enrolled first.
        batches: owner's id, model, vector as `codec` writes it and quality of every reference,
            by owner and order of enrolment.
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
