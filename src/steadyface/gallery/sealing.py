"""How the values of an SQLite gallery are written: as they are, or sealed under a key.

The tables are the same either way. In a sealed gallery

- `identity.name` holds a keyed digest of the name, by which it is found, and `identity.metadata`
  the name and the metadata sealed as one;
- `reference.vector` begins with a keyed digest of the vector, by which identical ones are found:
  it takes the place of the vector's own first bytes in the index. The sealed vector follows;
- `reference.source`, `reference.metadata` and `audit.actor` are sealed each by itself.

Every sealed value is bound to its place, so that it opens nowhere else. The table `meta` notes
that a gallery is sealed, and how to tell its key from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from steadyface.gallery.rows import Batch

#: Key in `meta` of the note that a gallery is sealed; see `sealing_aes`.
NOTE = "sealing"
#: `format` in `meta` of a sealed gallery: a steadyface that knows no keys says that it cannot read
#: it, instead of taking sealed values for what they are not.
SEALED_FORMAT = "float32-le sealed by AES-256-GCM"

#: What SQLite keeps of a text: itself, or its sealed form.
Stored: TypeAlias = str | bytes


class Place(NamedTuple):
    """Where a reference stands; the owner too, so that nobody can be given another's face.

    Attributes:
        reference: its id.
        owner: the id of its identity.
    """

    reference: int
    owner: int


class Entry(NamedTuple):
    """All that an entry of the audit says beside the actor, as it is stored."""

    number: int
    moment: str
    action: str
    identity: int | None
    references: int


class Sealing(Protocol):
    """Turns values into what is stored, and back.

    What opens raises `ValueError`, naming the place, where a value was changed or moved.
    """

    @property
    def note(self) -> str | None:
        """What `meta` says under `NOTE`; None for a plain gallery."""
        ...

    @property
    def overhead(self) -> int:
        """How many bytes more than a vector its stored form has."""
        ...

    def name_key(self, name: str) -> str:
        """The content of `identity.name`, by which the identity is found."""
        ...

    def seal_profile(self, owner: int, name: str, metadata: str) -> Stored:
        """The content of `identity.metadata`."""
        ...

    def open_profile(self, owner: int, name_key: str, profile: Stored) -> tuple[str, str]:
        """Name and metadata of an identity."""
        ...

    def seal_vector(self, place: Place, vector: bytes) -> bytes:
        """The content of `reference.vector`."""
        ...

    def vector_start(self, vector: bytes) -> bytes:
        """The first bytes of what `seal_vector` gives, wherever the vector stands."""
        ...

    def open_vector(self, place: Place, stored: bytes) -> bytes:
        """A vector."""
        ...

    def open_vectors(self, rows: Sequence[tuple[Any, ...]]) -> Batch:
        """Rows of owner, model, stored vector, quality and reference's id, with open vectors."""
        ...

    def seal_text(self, place: Place, column: str, text: str) -> Stored:
        """The content of another column of `reference`."""
        ...

    def open_text(self, place: Place, column: str, stored: Stored) -> str:
        """The text in another column of `reference`."""
        ...

    def seal_actor(self, entry: Entry, actor: str) -> Stored:
        """The content of `audit.actor`."""
        ...

    def open_actor(self, entry: Entry, stored: Stored) -> str:
        """Who made a change."""
        ...


class _Plain:
    """Stores everything as it is."""

    note = None
    overhead = 0

    def name_key(self, name: str) -> str:
        return name

    def seal_profile(self, owner: int, name: str, metadata: str) -> Stored:
        return metadata

    def open_profile(self, owner: int, name_key: str, profile: Stored) -> tuple[str, str]:
        return name_key, _text(profile)

    def seal_vector(self, place: Place, vector: bytes) -> bytes:
        return vector

    def vector_start(self, vector: bytes) -> bytes:
        return vector

    def open_vector(self, place: Place, stored: bytes) -> bytes:
        return stored

    def open_vectors(self, rows: Sequence[tuple[Any, ...]]) -> Batch:
        return [row[:4] for row in rows]

    def seal_text(self, place: Place, column: str, text: str) -> Stored:
        return text

    def open_text(self, place: Place, column: str, stored: Stored) -> str:
        return _text(stored)

    def seal_actor(self, entry: Entry, actor: str) -> Stored:
        return actor

    def open_actor(self, entry: Entry, stored: Stored) -> str:
        return _text(stored)


#: For galleries without a key.
PLAIN: Sealing = _Plain()


def _text(stored: Stored) -> str:
    if not isinstance(stored, str):
        raise ValueError("bytes stand where text belongs")
    return stored
