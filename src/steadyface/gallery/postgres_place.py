"""What a URL of PostgreSQL says: which server, which gallery, and what messages may show of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from steadyface.errors import UsageError

DEFAULT_GALLERY = "steadyface"
#: Seconds that one statement may take, so that none goes on for good behind a lost client.
STATEMENT_TIMEOUT = 60.0
_LONGEST_STATEMENT = 2_000_000.0

# Strict where libpq guesses: an `@`, `/`, `?` or `#` of a password that is not escaped would make
# part of the password a host or a database, which messages show.
_HOST = r"(?:\[[0-9A-Fa-f:.%]*\]|[^@/?#:,\[\]]*)(?::[0-9]*)?"
_REST = re.compile(
    r"(?:(?P<user>[^@/?#:]*)(?::[^@/?#]*)?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r"(?P<database>/[^@/?#]*)?"
    r"(?:\?(?P<options>[^?#]*))?"
)
# A name that needs no quotes anywhere, within PostgreSQL's 63 bytes.
_GALLERY = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
#: Options that say where the gallery is and hold no secret.
_SHOWN = ("host", "hostaddr", "port", "dbname", "user")


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """Where a gallery is kept.

    Attributes:
        conninfo: what libpq needs to connect; may hold a password.
        gallery: the schema of PostgreSQL that has the gallery's tables.
        location: what messages call the gallery.
        statement_timeout: seconds that one statement may take.
    """

    conninfo: str
    gallery: str
    location: str
    statement_timeout: float


def parse_place(rest: str) -> Place:
    """Read what follows `postgresql://`: `user@host/db?gallery=NAME`, and any options of libpq.

    `gallery` is the schema (default `steadyface`), `statement_timeout` seconds for one statement.

    Raises:
        UsageError: it is no such URL. Messages repeat nothing that could be a password.
    """
    parts = _REST.fullmatch(rest)
    if parts is None:
        raise _unusable()
    options = _options(parts["options"] or "")
    gallery = unquote(options.pop("gallery", DEFAULT_GALLERY))
    if not _GALLERY.fullmatch(gallery) or gallery == "information_schema":
        raise UsageError(
            f"{gallery!r} is no name for a gallery of PostgreSQL; use 1 to 63 of a-z, 0-9 and _, "
            "not beginning with a digit or pg_"
        )
    seconds = _seconds(unquote(options.pop("statement_timeout", str(STATEMENT_TIMEOUT))))
    before = rest.partition("?")[0]
    conninfo = f"postgresql://{before}"
    if options:
        conninfo += "?" + "&".join(f"{name}={value}" for name, value in options.items())
    try:
        conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        raise _unusable() from None  # libpq's message may quote a piece of the password
    user = "" if parts["user"] is None else f"{parts['user']}@"
    shown = [f"{name}={options[name]}" for name in _SHOWN if name in options]
    return Place(
        conninfo=conninfo,
        gallery=gallery,
        location=(
            f"postgresql://{user}{parts['hosts']}{parts['database'] or ''}"
            f"?{'&'.join([*shown, f'gallery={quote(gallery)}'])}"
        ),
        statement_timeout=seconds,
    )


def _options(text: str) -> dict[str, str]:
    options = {}
    for option in filter(None, text.split("&")):
        name, equals, value = option.partition("=")
        if not equals:
            raise _unusable()
        options[name] = value
    return options


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.001 <= seconds <= _LONGEST_STATEMENT:
        raise UsageError(
            f"statement_timeout is {text!r}; give seconds from 0.001 to {_LONGEST_STATEMENT:g}"
        )
    return seconds


def _unusable() -> UsageError:
    return UsageError(
        "the postgresql:// URL cannot be read; write postgresql://user@host:5432/database"
        "?gallery=NAME with options of libpq after it, and in a password or name %40 for @, "
        "%2F for /, %3A for :, %3F for ?, %23 for # and %25 for %"
    )
