"""`steadyface gallery list|show|rename|remove|stats`."""

from __future__ import annotations

from datetime import datetime

import click

from steadyface.cli import options
from steadyface.cli.render import print_json
from steadyface.gallery import Gallery, GalleryMode, IdentitySummary, StoredReference, open_gallery


@click.group("gallery")
def command() -> None:
    """List, show, rename and remove the people of a gallery."""


@command.command("list")
@options.gallery_option
@click.option("--limit", type=click.IntRange(0), help="Show so many at most.  [default: all]")
@click.option(
    "--offset", type=click.IntRange(0), default=0, show_default=True, help="Skip so many first."
)
@options.json_option
def list_identities(gallery_url: str, limit: int | None, offset: int, as_json: bool) -> None:
    """The identities by name, and how many references each has."""
    with _opened(gallery_url, "read") as gallery:
        location = gallery.location
        total = gallery.count().identities
        page = gallery.identities(limit=limit, offset=offset)
    if as_json:
        rows = [_identity_json(identity) for identity in page]
        print_json({"gallery": location, "total": total, "identities": rows})
        return
    for identity in page:
        click.echo(f"{identity.name}: {_references(identity.references)}")


@command.command("show")
@click.argument("identity")
@options.gallery_option
@options.json_option
def show(identity: str, gallery_url: str, as_json: bool) -> None:
    """The references of IDENTITY, in the order in which they were enrolled."""
    with _opened(gallery_url, "read") as gallery:
        location, references = gallery.location, gallery.references(identity)
    if as_json:
        rows = [_reference_json(reference) for reference in references]
        print_json({"gallery": location, "identity": identity, "references": rows})
        return
    for reference in references:
        click.echo(
            f"{reference.id:>6} {_when(reference.enrolled_at)} {reference.embedding.model_id} "
            f"{_printable(reference.source)}"
        )


@command.command("rename")
@click.argument("old")
@click.argument("new")
@options.gallery_option
@options.json_option
def rename(old: str, new: str, gallery_url: str, as_json: bool) -> None:
    """Call identity OLD by the name NEW, which no other may have."""
    with _opened(gallery_url, "write") as gallery:
        location = gallery.location
        gallery.rename(old, new)
    if as_json:
        print_json({"gallery": location, "old": old, "new": new})
    else:
        click.echo(f"{old} is now {new}")


@command.command("remove")
@click.argument("identities", nargs=-1, required=True)
@options.gallery_option
@options.json_option
def remove(identities: tuple[str, ...], gallery_url: str, as_json: bool) -> None:
    """Remove IDENTITIES with all their references for good, without asking.

    Where the gallery lacks one of them, none is removed.
    """
    with _opened(gallery_url, "write") as gallery:
        location, references = gallery.location, gallery.remove(*identities)
    if as_json:
        print_json({"gallery": location, "removed": identities, "references": references})
    else:
        click.echo(f"removed {', '.join(identities)}: {_references(references)}")


@command.command("stats")
@options.gallery_option
@options.json_option
def stats(gallery_url: str, as_json: bool) -> None:
    """How much the gallery holds and takes, and what made it."""
    with _opened(gallery_url, "read") as gallery:
        location, found = gallery.location, gallery.stats()
    values = {
        "identities": found.counts.identities,
        "references": found.counts.references,
        "model": found.model_id,
        "bytes": found.size,
        "schema_version": found.schema_version,
    }
    if as_json:
        print_json({"gallery": location} | values)
        return
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' ')}: {value}")


def _opened(gallery_url: str, mode: GalleryMode) -> Gallery:
    """A gallery of whatever model: looking after people needs no network."""
    return open_gallery(gallery_url, model_id=None, mode=mode)


def _identity_json(identity: IdentitySummary) -> dict[str, object]:
    return {
        "identity": identity.name,
        "references": identity.references,
        "enrolled_at": identity.enrolled_at.isoformat(),
    }


def _reference_json(reference: StoredReference) -> dict[str, object]:
    return {
        "id": reference.id,
        "source": reference.source,
        "enrolled_at": reference.enrolled_at.isoformat(),
        "model": reference.embedding.model_id,
        "quality": reference.quality,
        "metadata": reference.metadata,
    }


def _references(count: int) -> str:
    return f"{count} reference{'' if count == 1 else 's'}"


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _printable(text: str) -> str:
    """A source on one line: it may come from another's file and must not steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
