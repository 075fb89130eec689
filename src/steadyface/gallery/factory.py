"""From what the user calls a gallery to an open one: the only place that knows every store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, get_args
from urllib.parse import unquote

from steadyface.errors import MissingExtraError, UsageError
from steadyface.gallery.contract import Gallery, GalleryMode
from steadyface.gallery.keys import Key, find_key, refuse_for_postgres, refuse_plain
from steadyface.gallery.names import clean_actor

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)

#: A URL of a server with a slash missing, or as another library writes it. As the path of a file
#: it would be repeated in messages, with its password.
_NEARLY_URL = re.compile(
    r"\s*(?:jdbc:)?(?:postgres(?:ql)?|mysql|mariadb|mssql|sqlserver|oracle|mongodb|rediss?|https?)"
    r"(?:\+[a-z0-9_]+)?:",
    re.IGNORECASE,
)


class Opener(Protocol):
    """Opens a gallery of one store."""

    def __call__(
        self,
        rest: str,
        *,
        model_id: str | None,
        mode: GalleryMode,
        timeout: float,
        actor: str,
        key: Key | None,
    ) -> Gallery:
        """Open the gallery at what follows `scheme://` in its URL; see `open_gallery`."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of storage for galleries.

    Attributes:
        example: a URL of it, for messages.
        open: opens one. Imports its driver when called, so that nobody loads a driver unasked.
        location: what a gallery calls itself, by what follows `scheme://`; holds no password.
        encrypts: whether its galleries can have a key.
    """

    example: str
    open: Opener
    location: Callable[[str], str]
    encrypts: bool


def open_gallery(
    url: str | Path,
    *,
    model_id: str | None,
    mode: GalleryMode = "read",
    timeout: float = 5.0,
    actor: str | None = None,
    key: bytes | None = None,
) -> Gallery:
    """Open a gallery.

    Args:
        url: the path of an SQLite file (`people.db`), or a URL. `sqlite:///people.db` is a path
            relative to the working folder, `sqlite:////srv/people.db` an absolute one; in a URL,
            `%`, `?` and `#` are written `%25`, `%3F` and `%23`. Or a database of PostgreSQL, as
            `postgresql://user@host/db?gallery=NAME` (docs/postgresql.md).
        model_id: the model whose embeddings are to be compared or enrolled; None for whichever
            made the gallery, to look after it without comparing anything.
        mode: `read`, `write`, or `create`: write, and make the gallery where there is none.
        timeout: seconds to wait for another process to let go of the gallery, 0..2e6.
        actor: who makes the changes, for `Gallery.audit`; None takes the operating system's name
            of the user.
        key: 32 bytes, of an SQLite gallery that is encrypted or, in mode `create`, is to be. None
            takes the key from the environment, if it has one (`STEADYFACE_GALLERY_KEY`,
            `STEADYFACE_GALLERY_KEY_FILE`; see docs/gallery.md); `b""` takes none.

    Raises:
        UsageError: an argument is unusable, or no store goes by the URL's scheme.
        GalleryNotFoundError: there is no gallery, and the mode does not create one.
        GalleryCorruptError: something else is there, or the gallery is damaged.
        GalleryLockedError: another process kept it longer than the timeout.
        GalleryModelError: another model made its embeddings.
        GalleryKeyError: it is encrypted and the key is missing or wrong; or it is not, and a key is
            given all the same.
        GalleryError: it cannot be reached, or a newer steadyface wrote it.
        MissingExtraError: the driver of its store, or what encrypts, is not installed.
    """
    _check_options(model_id, mode)
    who, found = clean_actor(actor), find_key(key)
    _refuse_nearly_url(str(url))
    if isinstance(url, Path):
        return _open_file(url, model_id=model_id, mode=mode, timeout=timeout, actor=who, key=found)
    if not url.strip():
        raise UsageError("the gallery's path is empty; give one, as people.db")
    found_at = _split(url)
    if found_at is None:
        return _open_file(
            Path(url), model_id=model_id, mode=mode, timeout=timeout, actor=who, key=found
        )
    store, rest = found_at
    return store.open(rest, model_id=model_id, mode=mode, timeout=timeout, actor=who, key=found)


def gallery_location(url: str) -> str:
    """Return what the gallery at a URL that `open_gallery` takes calls itself, unopened.

    It is fit to be shown: unlike the URL it holds no password.
    """
    found_at = _split(url)
    if found_at is None:
        return str(Path(url))
    store, rest = found_at
    return store.location(rest)


def refuse_unused_key(url: str, *, encrypted: bool | None) -> None:
    """Raise where `open_gallery` in mode `create` would refuse the key in the environment.

    Args:
        url: as `open_gallery` takes it; nothing is opened or made.
        encrypted: whether the gallery there is; None where there is none yet.

    Raises:
        UsageError: there is a key, and the store cannot encrypt; or what is given is no key.
        GalleryKeyError: there is a key, and the gallery is not encrypted.
    """
    key, found_at = find_key(None), _split(url)
    if found_at is not None and not found_at[0].encrypts:
        refuse_for_postgres(key, "create")
    elif encrypted is False:
        refuse_plain(key, gallery_location(url), "create")


def _refuse_nearly_url(url: str) -> None:
    # Also of a `Path`, which makes one slash of the two in a URL.
    if _NEARLY_URL.match(url) and not _URL.fullmatch(url):
        raise UsageError(
            "the gallery's path begins nearly as the URL of a server does; write "
            f"{STORES['postgresql'].example}, or sqlite:///FILE where a file is meant"
        )


def _split(url: str) -> tuple[Store, str] | None:
    """The store that a URL names and what follows its scheme; None for the path of a file."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return None
    scheme = parts["scheme"].lower()
    store = STORES.get(_ALIASES.get(scheme, scheme))
    if store is None:
        # The rest of the URL may hold a password: it is not repeated.
        supported = ", ".join(f"{scheme}:// ({row.example})" for scheme, row in STORES.items())
        raise UsageError(
            f"no gallery can be kept at {parts['scheme']}://; give the path of a file, or a URL "
            f"that begins with one of: {supported}"
        )
    return store, parts["rest"]


def _check_options(model_id: str | None, mode: GalleryMode) -> None:
    if mode not in get_args(GalleryMode):
        raise UsageError(f"mode is {mode!r}; use 'read', 'write' or 'create'")
    # A new gallery has no model of its own yet.
    if mode == "create" if model_id is None else not model_id.strip():
        raise UsageError(f"model_id is {model_id!r}; give the id of the model in use")


def _open_sqlite_url(
    rest: str,
    *,
    model_id: str | None,
    mode: GalleryMode,
    timeout: float,
    actor: str,
    key: Key | None,
) -> Gallery:
    if not rest.startswith("/") or rest == "/":
        raise UsageError(
            f"sqlite://{rest} names no file; write sqlite:///people.db for a path relative to the "
            "working folder, sqlite:////srv/people.db for an absolute one"
        )
    if "?" in rest or "#" in rest:
        raise UsageError(
            f"sqlite://{rest} has options, of which there are none; write %3F for ? and %23 for # "
            "where they belong to the file's name"
        )
    path = Path(_sqlite_location(rest))
    return _open_file(path, model_id=model_id, mode=mode, timeout=timeout, actor=actor, key=key)


def _sqlite_location(rest: str) -> str:
    return str(Path(unquote(rest[1:])))


def _open_file(
    path: Path,
    *,
    model_id: str | None,
    mode: GalleryMode,
    timeout: float,
    actor: str,
    key: Key | None,
) -> Gallery:
    from steadyface.gallery.sqlite_open import open_sqlite  # noqa: PLC0415 (see Store.open)

    return open_sqlite(path, model_id=model_id, mode=mode, timeout=timeout, actor=actor, key=key)


def _open_postgres_url(
    rest: str,
    *,
    model_id: str | None,
    mode: GalleryMode,
    timeout: float,
    actor: str,
    key: Key | None,
) -> Gallery:
    refuse_for_postgres(key, mode)
    try:
        from steadyface.gallery.postgres_open import open_postgres  # noqa: PLC0415 (see Store.open)
    except ImportError as error:
        raise MissingExtraError(
            "galleries at postgresql:// need psycopg and psycopg_pool; install them with: "
            "pip install 'steadyface[postgres]'"
        ) from error
    return open_postgres(rest, model_id=model_id, mode=mode, timeout=timeout, actor=actor)


def _postgres_location(rest: str) -> str:
    from steadyface.gallery.postgres_place import parse_place  # noqa: PLC0415 (see Store.open)

    return parse_place(rest).location


#: Every store by the scheme of its URLs. A row here also enrols the store in the conformance
#: tests (tests/gallery/conftest.py).
STORES: Mapping[str, Store] = MappingProxyType(
    {
        "sqlite": Store(
            example="sqlite:///people.db",
            open=_open_sqlite_url,
            location=_sqlite_location,
            encrypts=True,
        ),
        "postgresql": Store(
            example="postgresql://user@host/database?gallery=people",
            open=_open_postgres_url,
            location=_postgres_location,
            encrypts=False,
        ),
    }
)
#: Other schemes for the same; libpq takes both.
_ALIASES: Mapping[str, str] = MappingProxyType({"postgres": "postgresql"})
