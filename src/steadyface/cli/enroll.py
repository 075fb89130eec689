"""`steadyface enroll DIR --gallery FILE`."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.render import error_json, print_json
from steadyface.cli.status import Status, report_errors
from steadyface.errors import DatasetLayoutError, SteadyfaceError
from steadyface.evaluation.layouts import read_people
from steadyface.gallery import open_gallery
from steadyface.gallery.names import clean_name
from steadyface.pipeline import Analyzer
from steadyface.recognition import Enrolment, Recognizer
from steadyface.types import DetectionMode, FaceChoice


@click.command("enroll")
@click.argument("folder", type=click.Path(path_type=Path))
@options.gallery_option
@options.reference_detection_option
@options.faces_option("largest", "central", default="largest")
@options.max_pixels_option
@options.model_options
@options.json_option
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path,
    gallery_url: str,
    detection: DetectionMode,
    faces: FaceChoice,
    max_pixels: int,
    network: str | None,
    detector: str | None,
    as_json: bool,
) -> None:
    """Enrol people: each folder in FOLDER is an identity, the images in it its references."""
    people = read_people(folder)
    for name in people:
        clean_name(name)  # a name that is refused ends the command before anyone is enrolled
    analyzer = Analyzer(detector, network, detection=detection, faces=faces, max_pixels=max_pixels)
    with open_gallery(gallery_url, model_id=analyzer.model_id, mode="create") as gallery:
        recognizer = Recognizer(gallery, analyzer=analyzer)
        shown = tqdm(people.items(), unit="identity", disable=None)
        enrolments = [recognizer.enroll(name, images) for name, images in shown]
    errors = [error for enrolment in enrolments for error in enrolment.errors]
    errors += [_nobody(folder / e.identity) for e in enrolments if not e.enrolled + e.held]
    if as_json:
        # Not the URL, which may hold a password.
        print_json({"gallery": gallery.location, "enrolled": [_json(e) for e in enrolments]})
    else:
        for enrolment in enrolments:
            click.echo(_line(enrolment))
    report_errors(errors)
    if errors:
        ctx.exit(Status.UNREADABLE)


def _nobody(folder: Path) -> SteadyfaceError:
    return DatasetLayoutError(
        f"{folder}: nobody enrolled, for no image in it can be used; add a clear one"
    )


def _line(enrolment: Enrolment) -> str:
    count = f"{enrolment.enrolled} reference{'' if enrolment.enrolled == 1 else 's'}"
    held = f", {enrolment.held} held already" if enrolment.held else ""
    also = "".join(f" [{d.source} is also {d.identity}'s]" for d in enrolment.duplicates)
    return f"{enrolment.identity}: {count}{held}{also}"


def _json(enrolment: Enrolment) -> dict[str, object]:
    return {
        "identity": enrolment.identity,
        "references": enrolment.enrolled,
        "held": enrolment.held,
        "duplicates": [{"source": d.source, "identity": d.identity} for d in enrolment.duplicates],
        "errors": [error_json(error) for error in enrolment.errors],
    }
