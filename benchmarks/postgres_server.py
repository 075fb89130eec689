"""A server of PostgreSQL 16 with pgvector, from the wheel `pgserver`, and looks into it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
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
        wheel = import_module("pgserver")
        wheel.pg_ctl([*arguments], pgdata=self.folder, user=self._running.system_user)


@contextmanager
def server() -> Iterator[Server]:
    """A new server, which has the extension `vector`; gone with its data when the block ends.

    As root it runs as another user, to whom pgserver opens the way to the data. Hence a folder of
    its own in the system's temporary one: pytest closes its folders to others again whenever
    another of its sessions starts.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pgserver's own imports
        wheel: Any = import_module("pgserver")
    with TemporaryDirectory(prefix="steadyface-pg-") as folder:
        running = wheel.get_server(folder)
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
