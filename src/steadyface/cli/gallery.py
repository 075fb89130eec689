"""`steadyface gallery ...`: the group, and what only looks."""

from __future__ import annotations

import click

from steadyface.cli import gallery_care, gallery_keys, gallery_people, options
from steadyface.cli.galleries import (
    identities,
    identity_json,
    metadata_words,
    opened,
    printable,
    reference_json,
    reference_line,
    references,
    when,
)
from steadyface.cli.render import print_json
from steadyface.cli.status import Status
from steadyface.errors import GalleryCorruptError
from steadyface.gallery import AuditEntry
from steadyface.gallery.checking import read_everything
from steadyface.gallery.factory import gallery_location


@click.group("gallery")
def command() -> None:
    """Look after a gallery and the people in it."""


@command.command("list")
@options.gallery_option
@click.option("--limit", type=click.IntRange(0), help="Show so many at most.  [default: all]")
@click.option(
    "--offset", type=click.IntRange(0), default=0, show_default=True, help="Skip so many first."
)
@options.json_option
def list_identities(gallery_url: str, limit: int | None, offset: int, as_json: bool) -> None:
    """The identities by name: how many references each has, and its metadata."""
    with opened(gallery_url, "read") as gallery:
        location = gallery.location
        total = gallery.count().identities
        page = gallery.identities(limit=limit, offset=offset)
    if as_json:
        rows = [identity_json(identity) for identity in page]
        print_json({"gallery": location, "total": total, "identities": rows})
        return
    for identity in page:
        words = [f"{identity.name}:", references(identity.references)]
        click.echo(" ".join([*words, *metadata_words(identity.metadata)]))


@command.command("show")
@click.argument("identity")
@options.gallery_option
@options.json_option
def show(identity: str, gallery_url: str, as_json: bool) -> None:
    """The references of IDENTITY, in the order in which they were enrolled.

    A line has the reference's id, when it was enrolled, its model, quality and calibration where
    they are known, the image that it was made of, and its metadata.
    """
    with opened(gallery_url, "read") as gallery:
        location, summary = gallery.location, gallery.identity(identity)
        found = gallery.references(identity)
    if as_json:
        rows = [reference_json(reference) for reference in found]
        print_json({"gallery": location} | identity_json(summary) | {"references": rows})
        return
    for line in metadata_words(summary.metadata):
        click.echo(line)
    for reference in found:
        click.echo(reference_line(reference))


@command.command("stats")
@options.gallery_option
@options.json_option
def stats(gallery_url: str, as_json: bool) -> None:
    """How much the gallery holds and takes, and what made it."""
    with opened(gallery_url, "read") as gallery:
        location, found = gallery.location, gallery.stats()
    values = {
        "identities": found.counts.identities,
        "references": found.counts.references,
        "model": found.model_id,
        "bytes": found.size,
        "schema_version": found.schema_version,
        "encrypted": found.encrypted,
    }
    if as_json:
        print_json({"gallery": location} | values)
        return
    for name, value in values.items():
        words = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
        click.echo(f"{name.replace('_', ' ')}: {words}")


@command.command("check")
@options.gallery_option
@options.json_option
@click.pass_context
def check(ctx: click.Context, gallery_url: str, as_json: bool) -> None:
    """Read everything the gallery holds. Exit status 1 says that it is damaged."""
    try:
        with opened(gallery_url, "read") as gallery:
            location, counts = gallery.location, read_everything(gallery)
    except GalleryCorruptError as error:
        if as_json:
            # Not the URL, which may hold a password; and perhaps nothing was opened.
            location = gallery_location(gallery_url)
            print_json({"gallery": location, "ok": False, "problem": str(error)})
        else:
            click.echo(f"damaged: {error}")
        ctx.exit(Status.NO)
    if as_json:
        held = {"identities": counts.identities, "references": counts.references}
        print_json({"gallery": location, "ok": True, "problem": None} | held)
    else:
        click.echo(f"ok: {identities(counts.identities)}, {references(counts.references)}")


@command.command("audit")
@options.gallery_option
@click.option("--limit", type=click.IntRange(0), help="Show so many at most.  [default: all]")
@click.option(
    "--after",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Leave out the entries up to and with this number.",
)
@options.json_option
def audit(gallery_url: str, limit: int | None, after: int, as_json: bool) -> None:
    """Who changed what and when, first to last.

    The audit knows people by number. Their present names are shown where they still exist.
    """
    with opened(gallery_url, "read") as gallery:
        location, entries = gallery.location, gallery.audit(limit=limit, after=after)
        names = {identity.id: identity.name for identity in gallery.identities()}
    if as_json:
        rows = [_entry_json(entry, _name(entry, names)) for entry in entries]
        print_json({"gallery": location, "entries": rows})
        return
    for entry in entries:
        click.echo(_entry_line(entry, _name(entry, names)))


def _name(entry: AuditEntry, names: dict[int, str]) -> str | None:
    return None if entry.identity_id is None else names.get(entry.identity_id)


def _entry_json(entry: AuditEntry, name: str | None) -> dict[str, object]:
    return {
        "id": entry.id,
        "moment": entry.moment.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "identity_id": entry.identity_id,
        "identity": name,
        "references": entry.references,
    }


def _entry_line(entry: AuditEntry, name: str | None) -> str:
    whom = "the gallery"
    if entry.identity_id is not None:
        whom = f"{name or 'removed'} ({entry.identity_id})"
    return (
        f"{entry.id:>6} {when(entry.moment)} {printable(entry.actor)} {entry.action} {whom}: "
        f"{references(entry.references)}"
    )


for _inner in (*gallery_people.COMMANDS, *gallery_care.COMMANDS, *gallery_keys.COMMANDS):
    command.add_command(_inner)
