"""Names of identities and actors: which are allowed, which are the same, which are close."""

from __future__ import annotations

import difflib
import getpass
import unicodedata
from collections.abc import Collection, Iterable

from steadyface.errors import GalleryError, UnknownIdentityError, UsageError

#: Far below what a unique index of any store takes (PostgreSQL: about 2,700 bytes).
LONGEST_NAME = 255

#: Who changes a gallery where the operating system has no name for the user.
UNKNOWN_ACTOR = "unknown"

#: How many ids a message lists.
_LISTED = 10

# Control characters, lone surrogates (a file name that is not UTF-8) and line separators: a name
# with one of them can forge lines of a log or cannot be stored at all.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})


def clean_name(identity: str) -> str:
    """Return the name in Unicode's composed form (NFC), in which galleries store and compare it.

    macOS hands out file names decomposed and other systems composed; without this, `José` from
    two machines would be two people.

    Raises:
        UsageError: the name is empty, blank, longer than 255 characters or holds a control
            character, a line separator or a byte that is not UTF-8.
    """
    return _clean(identity, "an identity")


def clean_actor(actor: str | None) -> str:
    """Return who the audit names for changes.

    Args:
        actor: as the caller says; None takes the operating system's name of the user, or
            `unknown` where it has none that could be stored.

    Raises:
        UsageError: the caller's is none, for the reasons in `clean_name`.
    """
    if actor is not None:
        return _clean(actor, "an actor")
    try:
        return _clean(getpass.getuser(), "an actor")
    except (OSError, KeyError, ImportError, UsageError):
        return UNKNOWN_ACTOR


def _clean(text: str, whose: str) -> str:
    if not text.strip():
        raise UsageError(f"{text!r} is no name for {whose}: it is blank; give it a name")
    if not (text.isascii() and text.isprintable()):  # those are all allowed: most names, at once
        _check_characters(text, whose)
    name = unicodedata.normalize("NFC", text)
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f"{name[:20]!r}... is no name for {whose}: it has {len(name)} characters; "
            f"use {LONGEST_NAME} at most"
        )
    return name


def _check_characters(text: str, whose: str) -> None:
    for character in text:
        if unicodedata.category(character) in _REFUSED:
            raise UsageError(
                f"{text!r} is no name for {whose}: it holds the character "
                f"{character!a}; leave it out"
            )


def closest_names(name: str, names: Iterable[str], *, count: int = 3) -> list[str]:
    """Return up to `count` of `names` that look like `name`, closest first, ignoring case."""
    by_key: dict[str, list[str]] = {}
    for candidate in names:
        by_key.setdefault(candidate.casefold(), []).append(candidate)
    keys = difflib.get_close_matches(name.casefold(), by_key, n=count)
    return [candidate for key in keys for candidate in by_key[key]][:count]


def unknown_identity(location: str, name: str, names: Iterable[str]) -> UnknownIdentityError:
    """Make the error for a name that the gallery lacks, with the closest of its `names`."""
    closest = closest_names(name, names)
    hint = (
        f"did you mean {' or '.join(map(repr, closest))}?"
        if closest
        else "no name in it comes close; `steadyface gallery list` shows those that it has"
    )
    return UnknownIdentityError(f"{location}: no identity is called {name!r}; {hint}")


def unknown_references(who: str, ids: Collection[int]) -> GalleryError:
    """Make the error for ids of references that `who` (`people.db: 'Ann' has`) lacks."""
    listed = ", ".join(map(str, sorted(ids)[:_LISTED]))
    more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
    return GalleryError(
        f"{who} no reference with the id {listed}{more}; nothing was changed; `steadyface gallery "
        "show` shows the ids of an identity's references"
    )
