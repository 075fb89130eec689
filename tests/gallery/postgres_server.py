"""A server of PostgreSQL 16 with pgvector, from the wheel `pgserver`, and looks into it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict


class Server:
    """A running server.

    Args:
        running: what `pgserver` calls it.
    """

    def __init__(self, running: Any) -> None:
        self._running = running
        self.folder: Path = running.pgdata

    def url(self, gallery: str | None = None, *, database: str = "postgres", **options: str) -> str:
        """The URL of a gallery, or of the database alone; `options` go into its query."""
        host = conninfo_to_dict(self._running.get_uri())["host"]
        found = {"host": str(host), **({"gallery": gallery} if gallery else {}), **options}
        query = "&".join(f"{name}={value}" for name, value in found.items())
        return f"postgresql://postgres@/{database}?{query}"

    def stop(self) -> None:
        """Stop at once, as a crash does: clients lose their connections."""
        self._control("-m", "immediate", "-w", "stop")

    def start(self) -> None:
        self._running.ensure_postgres_running()

    def _control(self, *arguments: str) -> None:
        import pgserver

        pgserver.pg_ctl([*arguments], pgdata=self.folder, user=self._running.system_user)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A server with its data in an empty folder; it has the extension `vector`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pgserver's own imports
        import pgserver
    running = pgserver.get_server(folder)
    try:
        opened = Server(running)
        with psycopg.connect(opened.url(), autocommit=True) as database:
            database.execute("CREATE EXTENSION vector")
        yield opened
    finally:
        running.cleanup()


@contextmanager
def raw_postgres(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The gallery's schema as any program sees it."""
    before, _, options = url.partition("?")
    kept = [option for option in options.split("&") if not option.startswith("gallery=")]
    gallery = [option.partition("=")[2] for option in options.split("&") if option not in kept]
    with psycopg.connect(f"{before}?{'&'.join(kept)}", autocommit=True) as database:
        if gallery:
            database.execute(f"SET search_path = {gallery[0]}, public")
        yield database
