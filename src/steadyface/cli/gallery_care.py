"""`steadyface gallery export|import|prune|re-embed`: what concerns a gallery as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.galleries import identities, opened, references
from steadyface.cli.render import error_json, print_json
from steadyface.cli.status import Status, report_errors
from steadyface.errors import GalleryNotFoundError
from steadyface.gallery import Gallery, Replaced, open_gallery
from steadyface.gallery.transfer import export_gallery, import_gallery
from steadyface.gallery.transfer_file import read_portable

if TYPE_CHECKING:
    from steadyface.reembedding import Replacement


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@options.gallery_option
@options.json_option
def export(file: Path, gallery_url: str, as_json: bool) -> None:
    """Write everything the gallery holds, save its audit, to FILE, a ZIP to be kept as safe."""
    with opened(gallery_url, "read") as gallery:
        location, counts = gallery.location, export_gallery(gallery, file)
    if as_json:
        held = {"identities": counts.identities, "references": counts.references}
        print_json({"gallery": location, "file": str(file)} | held)
    else:
        click.echo(f"{file}: {identities(counts.identities)}, {references(counts.references)}")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@options.gallery_option
@options.json_option
def import_(file: Path, gallery_url: str, as_json: bool) -> None:
    """Enrol everybody in FILE, which `gallery export` wrote.

    A gallery that is not there is made. One that is keeps what it has and gains what is new to it.
    """
    with _to_fill(gallery_url, file) as gallery:
        location, done = gallery.location, import_gallery(gallery, file)
    if as_json:
        counts = {"identities": done.identities, "references": done.added, "held": done.held}
        print_json({"gallery": location, "file": str(file)} | counts)
    else:
        held = f", {done.held} held already" if done.held else ""
        click.echo(f"{file}: {identities(done.identities)}, {references(done.added)}{held}")


def _to_fill(gallery_url: str, file: Path) -> Gallery:
    try:
        return opened(gallery_url, "write")
    except GalleryNotFoundError:
        model_id = read_portable(file).model_id
        return open_gallery(gallery_url, model_id=model_id, mode="create")


@click.command("prune")
@click.option(
    "--older-than",
    required=True,
    callback=options.past_moment,
    metavar="AGE|DATE",
    help="Remove what was enrolled before that: days, weeks or years ago (365d, 52w, 1y), or an "
    "ISO date or time, in UTC unless it says otherwise.",
)
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be.")
@options.gallery_option
@options.json_option
def prune(older_than: datetime, dry_run: bool, gallery_url: str, as_json: bool) -> None:
    """Remove what is past its retention period for good, without asking.

    That is every reference enrolled before the moment, and every identity first enrolled before it
    that has none left.
    """
    with opened(gallery_url, "read" if dry_run else "write") as gallery:
        location = gallery.location
        done = gallery.prunable(older_than) if dry_run else gallery.prune(older_than)
    if as_json:
        counts = {"references": done.references, "identities": done.identities}
        asked = {"older_than": older_than.isoformat(), "dry_run": dry_run}
        print_json({"gallery": location} | asked | counts)
    else:
        verb = "would remove" if dry_run else "removed"
        click.echo(f"{verb} {references(done.references)} and {identities(done.identities)}")


@click.command("re-embed")
@click.option(
    "--images",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder that holds the enrolled images, as they were named then or sorted by identity.",
)
@click.option(
    "--drop-missing",
    is_flag=True,
    help="Remove references whose image cannot be used.  [default: change nothing then]",
)
@options.gallery_option
@face_options("largest", "central", default="largest", references=True)
@options.json_option
@click.pass_context
def re_embed(
    ctx: click.Context,
    images: Path,
    drop_missing: bool,
    gallery_url: str,
    looking: FaceOptions,
    as_json: bool,
) -> None:
    """Bring the gallery over to another model, by embedding its images anew.

    An image is looked for by the path it was enrolled from, then by its name in a folder of the
    identity's name, then by its name alone. References keep their ids, sources and times. All are
    replaced at once, at the end. Exit status 3 says that some images could not be used.
    """
    from steadyface.reembedding import embed_again, find_origins, go_over  # noqa: PLC0415 (late)

    analyzer = looking.analyzer()
    with opened(gallery_url, "write") as gallery:
        before, origins = gallery.model_id, find_origins(gallery, images)
        answers = embed_again(origins, analyzer)
        total = len(origins.each)
        replacements = list(tqdm(answers, total=total, unit="reference", disable=None))
        done = go_over(gallery, analyzer.model_id, origins, replacements, drop_missing=drop_missing)
    failed = [one for one in replacements if one.error is not None]
    if as_json:
        models = {"gallery": gallery.location, "from": before, "model": analyzer.model_id}
        print_json(models | _done_json(done, failed))
    else:
        click.echo(_done_line(done, len(failed), len(replacements)))
    report_errors([one.error for one in failed if one.error is not None])
    if failed:
        ctx.exit(Status.UNREADABLE)


def _done_json(done: Replaced | None, failed: Sequence[Replacement]) -> dict[str, Any]:
    return {
        "changed": done is not None,
        "replaced": 0 if done is None else done.replaced,
        "removed": 0 if done is None else done.removed,
        "errors": [
            {"identity": one.origin.identity, "reference": one.origin.id} | error_json(one.error)
            for one in failed
            if one.error is not None
        ],
    }


def _done_line(done: Replaced | None, failed: int, total: int) -> str:
    if done is None:
        return (
            f"nothing changed: {failed} of {references(total)} cannot be embedded anew; find their "
            "images, or remove them with --drop-missing"
        )
    removed = f", {done.removed} removed" if done.removed else ""
    return f"{references(done.replaced)} embedded anew{removed}"


#: What the group takes from here.
COMMANDS = (export, import_, prune, re_embed)
