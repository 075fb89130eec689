"""Sealing under a key: AES-256-GCM (NIST SP 800-38D) with keys by HKDF-SHA256 (RFC 5869).

Each sealed value is a random 96-bit nonce, the ciphertext and a 128-bit tag; its place is the
associated data. Every gallery draws its own salt, and a new one when its key is changed, so that
two galleries under one key share no nonces, and equal names in them no digest. SP 800-38D, 8.3
allows 2^32 values under one key with random nonces: change the key before.

Needs `cryptography`; only imported when a key is used.
"""

from __future__ import annotations

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from steadyface.gallery.rows import Batch
from steadyface.gallery.sealing import Entry, Place, Stored

_VERSION = "1"
_SALT = 16
_NONCE = 12
_TAG = 16
#: Of the digest before a vector: what the index has (`schema.VECTOR_START`). 128 bits, so that two
#: vectors of a gallery do not share one by chance.
_START = 16
_CHECK = b"steadyface gallery"


class AesSealing:
    """Seals and opens the values of one gallery; see `sealing.Sealing`.

    Args:
        key: 32 bytes.
        salt: of this gallery.
    """

    overhead = _START + _NONCE + _TAG

    def __init__(self, key: bytes, salt: bytes) -> None:
        # Independent keys for each use.
        whole = HKDF(SHA256(), 96, salt, b"steadyface gallery: seal, names, vectors").derive(key)
        self._cipher = AESGCM(whole[:32])
        self._name_key, self._vector_key = whole[32:64], whole[64:]
        check = self._seal(_CHECK, _place("meta", "sealing"))
        self.note = ":".join([_VERSION, *(b64encode(part).decode() for part in (salt, check))])

    @classmethod
    def new(cls, key: bytes) -> Self:
        """For a gallery that is to be sealed under a key."""
        return cls(key, os.urandom(_SALT))

    @classmethod
    def noted(cls, key: bytes, note: str) -> Self | None:
        """For the gallery with this note in `meta`; None where the key is not its key.

        Raises:
            ValueError: the note is no such note.
        """
        version, salt, check = note.split(":")
        if version != _VERSION:
            raise ValueError(f"it is sealed in a way that is not known here ({version!r})")
        sealing = cls(key, b64decode(salt, validate=True))
        try:
            sealing._open(b64decode(check, validate=True), _place("meta", "sealing"))
        except InvalidTag:
            return None
        sealing.note = note
        return sealing

    def name_key(self, name: str) -> str:
        """Return a digest of the name that nobody can make or guess without the key."""
        return hmac.digest(self._name_key, name.encode(), "sha256").hex()

    def seal_profile(self, owner: int, name: str, metadata: str) -> bytes:
        """Seal name and metadata of an identity; no name has the NUL between them."""
        return self._seal(f"{name}\0{metadata}".encode(), _place("identity", "profile", owner))

    def open_profile(self, owner: int, name_key: str, profile: Stored) -> tuple[str, str]:
        """Open name and metadata of an identity."""
        place = _place("identity", "profile", owner)
        name, _, metadata = self._opened(profile, place).decode().partition("\0")
        if self.name_key(name) != name_key:
            raise ValueError(f"the name of identity {owner} was changed, or moved from elsewhere")
        return name, metadata

    def vector_start(self, vector: bytes) -> bytes:
        """Return the digest of a vector, which stands before the sealed one."""
        return hmac.digest(self._vector_key, vector, "sha256")[:_START]

    def seal_vector(self, place: Place, vector: bytes) -> bytes:
        """Seal a vector, with its digest before it."""
        start = self.vector_start(vector)
        return start + self._seal(vector, _vector_place(place, start))

    def open_vector(self, place: Place, stored: bytes) -> bytes:
        """Open a vector; the digest is part of what has to be as it was."""
        start = stored[:_START] if isinstance(stored, bytes) else b""
        return self._opened(stored[_START:], _vector_place(place, start))

    def open_vectors(self, rows: Sequence[tuple[Any, ...]]) -> Batch:
        """Open the vectors of many references."""
        return [
            (owner, model_id, self.open_vector(Place(number, owner), stored), quality)
            for owner, model_id, stored, quality, number in rows
        ]

    def seal_text(self, place: Place, column: str, text: str) -> bytes:
        """Seal the text of a column of `reference`."""
        return self._seal(text.encode(), _place("reference", column, *place))

    def open_text(self, place: Place, column: str, stored: Stored) -> str:
        """Open the text of a column of `reference`."""
        return self._opened(stored, _place("reference", column, *place)).decode()

    def seal_actor(self, entry: Entry, actor: str) -> bytes:
        """Seal who made a change, bound to all that the entry says."""
        return self._seal(actor.encode(), _place("audit", "actor", *entry))

    def open_actor(self, entry: Entry, stored: Stored) -> str:
        """Open who made a change."""
        return self._opened(stored, _place("audit", "actor", *entry)).decode()

    def _seal(self, value: bytes, place: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, value, place)

    def _open(self, stored: bytes, place: bytes) -> bytes:
        return self._cipher.decrypt(stored[:_NONCE], stored[_NONCE:], place)

    def _opened(self, stored: Stored, place: bytes) -> bytes:
        if isinstance(stored, bytes) and len(stored) >= _NONCE + _TAG:
            try:
                return self._open(stored, place)
            except InvalidTag:
                pass
        table, column, number = (part.decode() for part in place.split(b"\0")[:3])
        raise ValueError(
            f"the {column} of {table} {number} was changed, or moved from elsewhere: it does not "
            "open with the gallery's key"
        )


def _place(*parts: object) -> bytes:
    # No part has a NUL in it, so that different places are different bytes.
    return "\0".join(map(str, parts)).encode()


def _vector_place(place: Place, start: bytes) -> bytes:
    # By itself, since there are many; the digest comes last and is always as long.
    return f"reference\0vector\0{place.reference}\0{place.owner}\0".encode() + start
