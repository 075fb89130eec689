"""What changes a gallery, whatever its tables are; each function is one transaction's work.

Enrolment is in `enrolling`.

Each enters itself in the audit, raises the revision and notes who was changed by it, unless it
changes nothing. Errors leave the transaction to be rolled back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from steadyface.gallery import codec
from steadyface.gallery.names import unknown_identity, unknown_references
from steadyface.gallery.refusals import changed_meanwhile, name_taken
from steadyface.gallery.tables import Affected, Change, Reading, Tables
from steadyface.gallery.values import Pruned, Replaced


def find_identity(tables: Reading, name: str) -> int:
    """Return the id of the identity of this name.

    Raises:
        UnknownIdentityError: there is none; the message has the closest names.
    """
    owner = tables.identity_id(name)
    if owner is None:
        raise unknown_identity(tables.location, name, tables.identity_names())
    return owner


def describe(tables: Tables, change: Change, name: str, metadata: str) -> None:
    """Replace the metadata of an identity by this JSON text."""
    owner = find_identity(tables, name)
    before = tables.metadata([owner])[owner]
    if before != metadata:
        tables.set_metadata({owner: metadata})
        if before != codec.NO_METADATA:
            tables.mark_for_erasure(only_metadata=True)
        # Metadata are no part of `Gallery.changes`.
        _record(tables, change, [Affected("describe", owner, 0)], changed=[])


def rename(tables: Tables, change: Change, before: str, after: str) -> None:
    """Give an identity another name, see `Gallery.rename`."""
    owner = find_identity(tables, before)
    if before == after:
        return
    if tables.identity_id(after) is not None:
        raise name_taken(tables.location, before, after)
    tables.rename_identity(owner, after)
    tables.mark_for_erasure(only_metadata=True)  # the old name, which is in no other table
    _record(tables, change, [Affected("rename", owner, 0)], changed=[owner])


def remove(tables: Tables, change: Change, names: Iterable[str]) -> int:
    """Delete identities with all their references, each named once; return how many references."""
    owners = [find_identity(tables, name) for name in names]
    counts = tables.count_references(owners)
    affected = [Affected("remove", owner, counts[owner]) for owner in owners]
    tables.delete_identities(owners)
    _record(tables, change, affected, changed=[], removed=owners)
    tables.mark_for_erasure()
    return sum(one.references for one in affected)


def remove_references(tables: Tables, change: Change, name: str, ids: Collection[int]) -> int:
    """Delete these references of an identity, see `Gallery.remove_references`."""
    owner = find_identity(tables, name)
    wanted, held = set(ids), tables.reference_owners(owner)
    if unknown := wanted.difference(held):
        raise unknown_references(f"{tables.location}: {name!r} has", unknown)
    tables.delete_references({number: owner for number in held if number in wanted})
    affected = [Affected("remove-references", owner, len(wanted))]
    _record(tables, change, affected, changed=[owner])
    tables.mark_for_erasure()
    return len(wanted)


def prune(tables: Tables, change: Change, older_than: datetime) -> Pruned:
    """Delete what is past its retention period, see `Gallery.prune`."""
    references, identities = tables.prunable(older_than)
    if references or identities:
        tables.delete_older_references(older_than)
        tables.delete_identities(identities)
        counts = dict.fromkeys(identities, 0) | references
        _record(
            tables,
            change,
            [Affected("prune", owner, number) for owner, number in sorted(counts.items())],
            changed=references.keys() - set(identities),
            removed=identities,
        )
        tables.mark_for_erasure()
    return Pruned(references=sum(references.values()), identities=len(identities))


def replace_all(
    tables: Tables,
    change: Change,
    model_id: str,
    references: Mapping[int, codec.EncodedReference],
    revision: int | None,
) -> Replaced:
    """Exchange every embedding and the model, see `Gallery.replace_all`."""
    # Here, where nobody else writes: what came between a look and this would be deleted.
    if revision is not None and tables.revision() != revision:
        raise changed_meanwhile(tables.location)
    owners = tables.reference_owners()
    if unknown := references.keys() - owners.keys():
        raise unknown_references(f"{tables.location}: the gallery has", unknown)
    gone = {number: owner for number, owner in owners.items() if number not in references}
    tables.delete_references(gone)
    first = next(iter(references.values()), None)
    tables.become(model_id, None if first is None else first.dimension, tables.location)
    tables.replace_references(owners, references)
    lost = Counter(gone.values())
    affected = [Affected("remove-references", *one) for one in sorted(lost.items())]
    affected.append(Affected("re-embed", None, len(references)))
    _record(tables, change, affected, changed=None)
    tables.mark_for_erasure()
    return Replaced(replaced=len(references), removed=len(gone))


def _record(
    tables: Tables,
    change: Change,
    affected: Sequence[Affected],
    *,
    changed: Iterable[int] | None,
    removed: Iterable[int] = (),
) -> None:
    """Enter a change; identities that it `changed` (None for all) or `removed` get its revision."""
    tables.enter(change, affected)
    revision = tables.raise_revision()
    if changed is None:
        tables.stamp_all(revision)
    else:
        tables.stamp(dict.fromkeys(changed, revision))
    tables.note_removed(revision, removed)
