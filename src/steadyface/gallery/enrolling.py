"""Enrolment, whatever the tables are: everybody of a batch by one transaction's work.

What is there is asked once for the whole batch, and what is new is written once; in between,
nothing goes to the tables, whose every statement may be a trip to a server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steadyface.gallery import codec
from steadyface.gallery.tables import Affected, Change, Tables
from steadyface.gallery.values import Duplicate, Enrolled


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What is offered for one identity, checked and encoded.

    Attributes:
        name: of the identity, as `clean_name` gives it.
        references: one or more, whose vectors have one length.
        metadata: JSON text; None leaves what it has.
    """

    name: str
    references: Sequence[codec.EncodedReference]
    metadata: str | None


def enroll(tables: Tables, change: Change, offers: Sequence[Offer]) -> list[Enrolled]:
    """Store what is offered, as if one offer came after another; see `Gallery.enroll_many`.

    Each that changes something enters itself in the audit and raises the revision. Errors leave
    the transaction to be rolled back.
    """
    _check_dimensions(tables, offers)
    batch = _Batch.of(tables, offers, change)
    answers = [batch.take(offer) for offer in offers]
    tables.insert_references(batch.added, change.moment)
    if batch.described:
        tables.set_metadata({owner: batch.metadata[owner] for owner in batch.described})
        if batch.overwrites:
            tables.mark_for_erasure(only_metadata=True)
    if batch.affected:
        tables.enter(change, batch.affected)
        last = tables.raise_revision(len(batch.affected))
        first = last - len(batch.affected) + 1
        owners = [one.identity_id for one in batch.affected if one.identity_id is not None]
        # Who comes twice keeps the later one.
        tables.stamp({owner: revision for revision, owner in enumerate(owners, start=first)})
    return answers


def _check_dimensions(tables: Tables, offers: Sequence[Offer]) -> None:
    known: int | None = None
    for offer in offers:
        dimension = offer.references[0].dimension
        if dimension != known:
            what = f"{tables.location}: a reference of {offer.name!r}"
            tables.note_dimension(dimension, what)
            known = tables.dimension()
            codec.check_dimension(dimension, known, what)


@dataclass(slots=True, eq=False)
class _Batch:
    """What the tables hold of a batch's people, kept up to date offer by offer.

    Attributes:
        owners: id of each identity by its name.
        holders: names of those who have a vector, by id.
        counts: how many references each identity has.
        metadata: of those for whom some is offered.
        added: new references with their owners.
        described: whose metadata changed.
        overwrites: whether that replaced any.
        affected: entries for the audit, one for each offer that changes something.
    """

    owners: Mapping[str, int]
    holders: dict[bytes, dict[int, str]]
    counts: dict[int, int]
    metadata: dict[int, str]
    added: list[tuple[int, codec.EncodedReference]] = field(default_factory=list)
    described: set[int] = field(default_factory=set)
    overwrites: bool = False
    affected: list[Affected] = field(default_factory=list)

    @classmethod
    def of(cls, tables: Tables, offers: Sequence[Offer], change: Change) -> _Batch:
        """Ask the tables, where those get an identity who have none."""
        owners = tables.add_identities(list({offer.name: None for offer in offers}), change.moment)
        vectors = {r.vector: None for offer in offers for r in offer.references}
        holders = defaultdict[bytes, dict[int, str]](dict)
        for vector, names in tables.holders(list(vectors)).items():
            holders[vector].update(names)
        described = {owners[offer.name]: None for offer in offers if offer.metadata is not None}
        return cls(
            owners,
            holders,
            dict(tables.count_references(list(owners.values()))),
            tables.metadata(list(described)) if described else {},
        )

    def take(self, offer: Offer) -> Enrolled:
        """Note what an offer changes."""
        owner, added, duplicates = self.owners[offer.name], 0, list[Duplicate]()
        for reference in offer.references:
            names = self.holders[reference.vector]
            others = sorted(name for holder, name in names.items() if holder != owner)
            duplicates += [Duplicate(reference.source, name) for name in others]
            if owner not in names:
                names[owner] = offer.name
                self.added.append((owner, reference))
                added += 1
        self.counts[owner] += added
        described = offer.metadata is not None and self._describe(owner, offer.metadata)
        if added or described:
            self.affected.append(Affected("enroll", owner, added))
        held = len(offer.references) - added
        return Enrolled(added, held, self.counts[owner], tuple(duplicates))

    def _describe(self, owner: int, metadata: str) -> bool:
        before = self.metadata[owner]
        if before == metadata:
            return False
        self.metadata[owner] = metadata
        self.described.add(owner)
        self.overwrites = self.overwrites or before != codec.NO_METADATA
        return True
