"""`steadyface gallery describe|rename|remove|remove-reference`: what changes people."""

from __future__ import annotations

import json
from typing import Any

import click

from steadyface.cli import options
from steadyface.cli.galleries import metadata_words, opened, references
from steadyface.cli.render import print_json


def _object(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """A JSON object."""
    if value is None:
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{value!r} is no JSON ({error})", ctx, param) from error
    if not isinstance(found, dict):
        raise click.BadParameter(
            f'{value!r} is no JSON object, such as {{"team": "blue"}}', ctx, param
        )
    return found


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE`, each key once."""
    found: dict[str, str] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{value!r} is not of the form KEY=VALUE", ctx, param)
        if key in found:
            raise click.BadParameter(f"{key!r} is given twice", ctx, param)
        found[key] = text
    return found


@click.command("describe")
@click.argument("identity")
@click.argument("pairs", nargs=-1, callback=_pairs, metavar="[KEY=VALUE]...")
@click.option(
    "--json-metadata",
    "metadata",
    metavar="OBJECT",
    callback=_object,
    help="The metadata as a JSON object, instead of pairs; {} leaves none.",
)
@options.gallery_option
@options.json_option
def describe(
    identity: str,
    pairs: dict[str, str],
    metadata: dict[str, Any] | None,
    gallery_url: str,
    as_json: bool,
) -> None:
    """Replace the metadata of IDENTITY, all of it."""
    if bool(pairs) == (metadata is not None):
        raise click.UsageError("Give either pairs KEY=VALUE or --json-metadata.")
    new = pairs if metadata is None else metadata
    with opened(gallery_url, "write") as gallery:
        location = gallery.location
        gallery.describe(identity, new)
    if as_json:
        print_json({"gallery": location, "identity": identity, "metadata": new})
    else:
        click.echo(f"{identity}: {' '.join(metadata_words(new)) or 'no metadata'}")


@click.command("rename")
@click.argument("old")
@click.argument("new")
@options.gallery_option
@options.json_option
def rename(old: str, new: str, gallery_url: str, as_json: bool) -> None:
    """Call identity OLD by the name NEW, which no other may have."""
    with opened(gallery_url, "write") as gallery:
        location = gallery.location
        gallery.rename(old, new)
    if as_json:
        print_json({"gallery": location, "old": old, "new": new})
    else:
        click.echo(f"{old} is now {new}")


@click.command("remove")
@click.argument("identities", nargs=-1, required=True)
@options.gallery_option
@options.json_option
def remove(identities: tuple[str, ...], gallery_url: str, as_json: bool) -> None:
    """Remove IDENTITIES with all their references for good, without asking.

    Where the gallery lacks one of them, none is removed.
    """
    with opened(gallery_url, "write") as gallery:
        location, count = gallery.location, gallery.remove(*identities)
    if as_json:
        print_json({"gallery": location, "removed": identities, "references": count})
    else:
        click.echo(f"removed {', '.join(identities)}: {references(count)}")


@click.command("remove-reference")
@click.argument("identity")
@click.argument("ids", nargs=-1, required=True, type=click.IntRange(1), metavar="ID...")
@options.gallery_option
@options.json_option
def remove_reference(identity: str, ids: tuple[int, ...], gallery_url: str, as_json: bool) -> None:
    """Remove references of IDENTITY, by the IDs that `show` tells, for good, without asking.

    Where IDENTITY lacks one of them, none is removed. The identity stays, also without any.
    """
    with opened(gallery_url, "write") as gallery:
        location, count = gallery.location, gallery.remove_references(identity, ids)
        left = gallery.identity(identity).references
    if as_json:
        removed = {"identity": identity, "removed": sorted(set(ids)), "references": left}
        print_json({"gallery": location} | removed)
    else:
        click.echo(f"removed {references(count)} of {identity}, {left} left")


#: What the group takes from here.
COMMANDS = (describe, rename, remove, remove_reference)
