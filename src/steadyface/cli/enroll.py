"""`steadyface enroll DIR --gallery FILE`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.galleries import references
from steadyface.cli.render import error_json, print_json
from steadyface.cli.status import Status, report_errors
from steadyface.enrolment import WARN_BELOW, Enrolment, EnrolmentTerms, Person
from steadyface.errors import (
    DatasetLayoutError,
    GalleryNotFoundError,
    ImageNotFoundError,
    LookalikeError,
    SteadyfaceError,
)
from steadyface.evaluation.layouts import read_people
from steadyface.evaluation.people import read_people_table
from steadyface.gallery import Gallery, open_gallery
from steadyface.gallery.factory import gallery_location, refuse_unused_key
from steadyface.gallery.names import clean_name
from steadyface.recognition import Recognizer

_QUALITY = click.FloatRange(0.0, 1.0)


@click.command("enroll")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Enrol from a CSV instead: columns image (a path, from the CSV's folder on) and identity; "
    "others become metadata of the identity.",
)
@options.gallery_option
@face_options("largest", "central", default="largest", references=True)
@click.option(
    "--warn-below",
    type=_QUALITY,
    default=WARN_BELOW,
    show_default=True,
    help="Name references of a lower quality; they are enrolled.",
)
@click.option(
    "--refuse-below",
    type=_QUALITY,
    help="Do not enrol references of a lower quality.  [default: enrol any]",
)
@click.option(
    "--refuse-lookalikes",
    is_flag=True,
    help="Do not enrol references that look like another identity.  [default: name and enrol them]",
)
@click.option("--dry-run", is_flag=True, help="Store nothing; say what would be.")
@options.json_option
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path | None,
    table: Path | None,
    gallery_url: str,
    looking: FaceOptions,
    warn_below: float,
    refuse_below: float | None,
    refuse_lookalikes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Enrol people: each folder in FOLDER is an identity, the images in it its references.

    References of low quality, and those that look like another identity, are named. That is the
    case from the similarity on at which a stranger's image would look like anybody in the gallery
    once in 1,000 images.
    """
    people = _people(folder, table)
    terms = EnrolmentTerms(
        warn_below, refuse_below, "refuse" if refuse_lookalikes else "report", dry_run
    )
    analyzer = looking.analyzer()
    with _opened(gallery_url, analyzer.model_id, dry_run) as (gallery, location):
        shown = tqdm(people, unit="identity", disable=None)
        enrolments = Recognizer(gallery, analyzer=analyzer).enroll_many(shown, terms=terms)
    errors = [error for enrolment in enrolments for error in enrolment.errors]
    missing = sum(isinstance(error, ImageNotFoundError) for error in errors)
    errors += [_nobody(folder, table, e) for e in enrolments if _needs_a_clear_one(e)]
    if table is not None and missing:
        errors.append(DatasetLayoutError(f"{table}: {missing} of its images not found; correct it"))
    if as_json:
        done = {"gallery": location, "dry_run": dry_run, "not_found": missing}
        print_json(done | {"enrolled": [_json(e) for e in enrolments]})
    else:
        _print(enrolments, dry_run)
    report_errors(errors)
    if errors:
        ctx.exit(Status.UNREADABLE)


def _people(folder: Path | None, table: Path | None) -> list[Person]:
    """Whom to enrol; a name that is refused ends the command before anyone is."""
    if table is not None:
        if folder is not None:
            raise click.UsageError("Give either FOLDER or --csv, not both.")
        return read_people_table(table)
    if folder is None:
        raise click.UsageError("Missing argument 'FOLDER', or option '--csv' in its place.")
    people = read_people(folder)
    for name in people:
        clean_name(name)
    return [Person(name, images) for name, images in people.items()]


@contextmanager
def _opened(gallery_url: str, model_id: str, dry_run: bool) -> Iterator[tuple[Gallery, str]]:
    """The gallery and what to call it, which is not the URL: that may hold a password.

    In a dry run one that stays as it is, or, where there is none, an empty one. It is refused for
    the same keys as without.
    """
    if not dry_run:
        with open_gallery(gallery_url, model_id=model_id, mode="create") as gallery:
            yield gallery, gallery.location
        return
    with TemporaryDirectory() as nowhere:
        try:
            gallery = open_gallery(gallery_url, model_id=model_id, mode="read")
        except GalleryNotFoundError:
            refuse_unused_key(gallery_url, encrypted=None)
            empty = Path(nowhere) / "empty.db"
            gallery = open_gallery(empty, model_id=model_id, mode="create")
        with gallery:
            refuse_unused_key(gallery_url, encrypted=gallery.stats().encrypted)
            yield gallery, gallery_location(gallery_url)


def _needs_a_clear_one(enrolment: Enrolment) -> bool:
    """Whether nobody is enrolled for want of a usable image, not for looking like another."""
    alike = [isinstance(error, LookalikeError) for error in enrolment.errors]
    return not enrolment.enrolled + enrolment.held and not (alike and all(alike))


def _nobody(folder: Path | None, table: Path | None, enrolment: Enrolment) -> SteadyfaceError:
    where = f"{table}: {enrolment.identity}" if folder is None else folder / enrolment.identity
    return DatasetLayoutError(
        f"{where}: nobody enrolled, for no image in it can be used; add a clear one"
    )


def _print(enrolments: Sequence[Enrolment], dry_run: bool) -> None:
    for enrolment in enrolments:
        click.echo(_line(enrolment))
    if dry_run:
        click.echo("nothing was stored (dry run)")
    for line in (line for enrolment in enrolments for line in _warnings(enrolment)):
        click.echo(f"steadyface: warning: {line}", err=True)


def _line(enrolment: Enrolment) -> str:
    held = f", {enrolment.held} held already" if enrolment.held else ""
    also = "".join(f" [{d.source} is also {d.identity}'s]" for d in enrolment.duplicates)
    return f"{enrolment.identity}: {references(enrolment.enrolled)}{held}{also}"


def _warnings(enrolment: Enrolment) -> Iterator[str]:
    for one in enrolment.poor:
        yield f"{one.source} is of low quality ({one.quality:.2f}); a clearer image matches better"
    refused = {error.source for error in enrolment.errors if isinstance(error, LookalikeError)}
    for alike in enrolment.lookalikes:
        if alike.source not in refused:
            yield f"{alike.source} looks like {alike.identity} (similarity {alike.similarity:.2f})"


def _json(enrolment: Enrolment) -> dict[str, object]:
    return {
        "identity": enrolment.identity,
        "references": enrolment.enrolled,
        "held": enrolment.held,
        "duplicates": [{"source": d.source, "identity": d.identity} for d in enrolment.duplicates],
        "poor": [{"source": p.source, "quality": round(p.quality, 4)} for p in enrolment.poor],
        "lookalikes": [
            {
                "source": one.source,
                "identity": one.identity,
                "similarity": round(one.similarity, 4),
                "threshold": round(one.threshold, 4),
            }
            for one in enrolment.lookalikes
        ],
        "errors": [error_json(error) for error in enrolment.errors],
    }
