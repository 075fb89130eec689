"""`steadyface enroll DIR --gallery FILE`."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.render import print_json
from steadyface.cli.status import Status, report_errors
from steadyface.evaluation.layouts import read_people
from steadyface.gallery import open_gallery
from steadyface.pipeline import Analyzer
from steadyface.recognition import Enrolment, Recognizer
from steadyface.types import DetectionMode


@click.command("enroll")
@click.argument("folder", type=click.Path(path_type=Path))
@options.gallery_option
@options.detection_option
@options.json_option
@click.pass_context
def command(
    ctx: click.Context, folder: Path, gallery_url: str, detection: DetectionMode, as_json: bool
) -> None:
    """Enrol people: each folder in FOLDER is an identity, the images in it its references."""
    people = read_people(folder)
    analyzer = Analyzer(detection=detection)
    with open_gallery(gallery_url, model_id=analyzer.model_id, mode="create") as gallery:
        recognizer = Recognizer(gallery, analyzer=analyzer)
        shown = tqdm(people.items(), unit="identity", disable=None)
        enrolments = [recognizer.enroll(name, images) for name, images in shown]
    errors = [error for enrolment in enrolments for error in enrolment.errors]
    if as_json:
        print_json({"gallery": gallery_url, "enrolled": [_json(e) for e in enrolments]})
    else:
        for enrolment in enrolments:
            click.echo(f"{enrolment.identity}: {enrolment.enrolled} references{_notes(enrolment)}")
    report_errors(errors)
    if errors:
        ctx.exit(Status.UNREADABLE)


def _json(enrolment: Enrolment) -> dict[str, object]:
    return {
        "identity": enrolment.identity,
        "references": enrolment.enrolled,
        "assumed": list(enrolment.assumed),
        "errors": [str(error) for error in enrolment.errors],
    }


def _notes(enrolment: Enrolment) -> str:
    if not enrolment.assumed:
        return ""
    return f" [no face found in {', '.join(enrolment.assumed)}: whole image taken as a face]"
