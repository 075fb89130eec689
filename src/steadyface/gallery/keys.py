"""Where the key of an encrypted gallery comes from, and what is refused in its name."""

from __future__ import annotations

import binascii
import os
import re
import secrets
import stat
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from steadyface.errors import GalleryKeyError, MissingExtraError, OutputError, UsageError
from steadyface.gallery.contract import GalleryMode

if TYPE_CHECKING:
    from steadyface.gallery.sealing_aes import AesSealing

#: Environment variable with the key itself.
KEY_VARIABLE = "STEADYFACE_GALLERY_KEY"
#: Environment variable with the path of a file that holds it.
FILE_VARIABLE = "STEADYFACE_GALLERY_KEY_FILE"
#: Of a key in bytes: AES-256.
KEY_BYTES = 32
#: For `open_gallery`: no key, whatever the environment says.
NO_KEY = b""

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_MAKE = "make a key with `steadyface gallery new-key FILE`"
_FORM = f"a key is {KEY_BYTES} bytes as base64 or hexadecimal text; {_MAKE}"
#: Longer files are no keys, whatever is in them.
_LONGEST_FILE = 1024


class NotEncryptedError(GalleryKeyError):
    """A key is given for a gallery that is not encrypted."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key and where it was found.

    Attributes:
        material: 32 bytes; not shown.
        origin: for messages.
        meant: that it was given for this very gallery; the environment's may be another's.
    """

    material: bytes = field(repr=False)
    origin: str
    meant: bool


def find_key(given: bytes | None) -> Key | None:
    """Return the key to open a gallery with; None where there is none.

    Args:
        given: by the caller; None looks into the environment, `NO_KEY` does not.

    Raises:
        UsageError: what is given is no key, or the environment has two.
    """
    if given is not None:
        return Key(check_key(given), "the argument `key`", meant=True) if given != NO_KEY else None
    text, file = (os.environ.get(variable, "") for variable in (KEY_VARIABLE, FILE_VARIABLE))
    if text and file:
        raise UsageError(f"{KEY_VARIABLE} and {FILE_VARIABLE} are both set; unset one of them")
    if text:
        return Key(parse_key(text, KEY_VARIABLE), KEY_VARIABLE, meant=False)
    if file:
        if holds_key(file):
            raise UsageError(f"{FILE_VARIABLE} holds a key, not a path; use {KEY_VARIABLE}")
        return Key(read_key_file(Path(file)), f"{FILE_VARIABLE} ({file})", meant=False)
    return None


def check_key(key: bytes) -> bytes:
    """Return a key; raise `UsageError` where it is not of 32 bytes."""
    if len(key) != KEY_BYTES:
        raise UsageError(f"the key has {len(key)} bytes; give {KEY_BYTES} random ones")
    return bytes(key)


def parse_key(text: str, where: str) -> bytes:
    """Return the key in a text; raise `UsageError` naming `where`, never the text."""
    key = _parsed(text)
    if key is None:
        raise UsageError(f"{where} holds no key: {_FORM}")
    return key


def holds_key(text: str) -> bool:
    """Return whether a text is a key, which was perhaps given where a path belongs.

    Messages repeat paths. What reads one has to look at the text as it was given:
    `Path` makes one slash of two, which a key may hold.
    """
    return _parsed(text) is not None


def _parsed(text: str) -> bytes | None:
    text = text.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        key = b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # the latter for what is not ASCII
        return None
    return key if len(key) == KEY_BYTES else None


def read_key_file(path: Path) -> bytes:
    """Return the key in a file.

    Raises:
        UsageError: it cannot be read, holds no key, or others may read it.
    """
    try:
        with path.open("rb") as file:
            # Of the file that was opened, not of what has its name by now.
            state = os.fstat(file.fileno())
            content = file.read(_LONGEST_FILE)
    except OSError as error:
        raise UsageError(
            f"{path}: the key cannot be read ({error.strerror}); {_MAKE}, or name another file"
        ) from error
    # Windows has other permissions, which these bits do not show.
    if os.name == "posix" and stat.S_IMODE(state.st_mode) & 0o077:
        raise UsageError(
            f"{path}: others may read or change this key (mode {stat.S_IMODE(state.st_mode):04o}); "
            f"run `chmod 600 {path}`, and change the key if they may have seen it"
        )
    return parse_key(content.decode("ascii", "replace"), str(path))


def new_key() -> str:
    """Return a new random key as text."""
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def write_new_key(path: Path) -> None:
    """Make a new key in a new file that only this user may read.

    Raises:
        OutputError: it cannot be written, or is there already: a key that is overwritten takes its
            galleries with it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(new_key() + "\n")
            file.flush()
            os.fsync(descriptor)
    except FileExistsError as error:
        raise OutputError(
            f"{path}: is there already, and a key is never written over; choose another file"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another file"
        ) from error


def sealing_class() -> type[AesSealing]:
    """Return what seals; raise `MissingExtraError` where `cryptography` is not installed."""
    try:
        from steadyface.gallery.sealing_aes import AesSealing  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise MissingExtraError(
            "encrypted galleries need cryptography; install it with: "
            "pip install 'steadyface[encrypted]'"
        ) from error
    return AesSealing


def refuse_plain(key: Key | None, location: str, mode: GalleryMode) -> None:
    """Raise where whoever gave a key would take a gallery for encrypted that is not.

    A key in the environment may belong to other galleries: reading is allowed with it.

    Raises:
        NotEncryptedError: the key was given for this gallery, or the gallery is to be changed.
    """
    if key is not None and (key.meant or mode != "read"):
        raise NotEncryptedError(
            f"{location}: is not encrypted, but a key is given by {key.origin}; encrypt it with "
            "`steadyface gallery rotate-key --new-key-file FILE`, or open it without a key"
        )


def refuse_for_postgres(key: Key | None, mode: GalleryMode) -> None:
    """Raise `UsageError` as `refuse_plain` does, for a store that cannot encrypt."""
    if key is not None and (key.meant or mode != "read"):
        raise not_for_this_store(f"a key is given by {key.origin}")


def not_for_this_store(what: str) -> UsageError:
    """Make the error for encrypting, as `what` asks for, what PostgreSQL keeps."""
    return UsageError(
        f"{what}: steadyface encrypts only galleries in SQLite files; for PostgreSQL encrypt the "
        "disk of the server and its backups, and leave the key out"
    )


def key_needed(location: str) -> GalleryKeyError:
    """Make the error for an encrypted gallery without a key."""
    return GalleryKeyError(
        f"{location}: is encrypted, and no key is given; set {FILE_VARIABLE} to the path of the "
        f"file with its key, or {KEY_VARIABLE} to the key (in Python also `key`)"
    )


def wrong_key(location: str, key: Key) -> GalleryKeyError:
    """Make the error for a key that is another gallery's."""
    return GalleryKeyError(
        f"{location}: the key in {key.origin} is not the key of this gallery; give the one under "
        "which it was made or to which it was changed last"
    )


def key_changed(location: str) -> GalleryKeyError:
    """Make the error for a gallery that was given another key, or lost its own, since opening."""
    return GalleryKeyError(
        f"{location}: somebody has changed its key since it was opened; open it again with the new "
        "one"
    )
