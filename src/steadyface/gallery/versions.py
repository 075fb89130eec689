"""Versions of a store's tables: the steps between them, and which of them this code can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steadyface.errors import GalleryError


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a version of the schema to the next. One that was released is never edited.

    Attributes:
        statements: run in one transaction.
        needed_to_read: False where a gallery without it gives readers the same answers, so that
            they need not wait for a writer.
    """

    statements: tuple[str, ...]
    needed_to_read: bool = True


def oldest_readable(migrations: Sequence[Migration]) -> int:
    """Return the oldest version that readers understand as it is."""
    needed = [n for n, migration in enumerate(migrations, start=1) if migration.needed_to_read]
    return max(needed)


def check_known(version: int, location: str, known: int) -> None:
    """Raise `GalleryError` when a newer steadyface made a gallery; `known` is the newest here."""
    if version > known:
        raise GalleryError(
            f"{location}: written by a newer steadyface (schema version {version}, this one knows "
            f"{known}); upgrade steadyface"
        )


def check_readable(version: int, location: str, migrations: Sequence[Migration]) -> None:
    """Raise `GalleryError` when a gallery is too old for readers, who cannot bring it up to date.

    Args:
        version: of the gallery.
        location: the gallery, for messages.
        migrations: all steps from nothing to the newest version.
    """
    oldest = oldest_readable(migrations)
    if version < oldest:
        raise GalleryError(
            f"{location}: written by an older steadyface (schema version {version}, this one reads "
            f"{oldest} and later); open it once for writing, which brings it up to date"
        )
