"""`steadyface gender PATH...`."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.render import batch_json, gender_json, how_found, print_json
from steadyface.cli.status import Status, report_errors
from steadyface.types import ImageResult


@click.command("gender")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@face_options("largest", "central", "all", default="largest")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0.5, 1.0),
    help="Say 'uncertain' below this probability.",
)
@options.json_option
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    looking: FaceOptions,
    min_confidence: float | None,
    as_json: bool,
) -> None:
    """Gender of the faces in images; PATH is an image or a folder of them."""
    images = options.expand_images(paths)
    analyzer = looking.analyzer(min_gender_confidence=min_confidence)
    shown = tqdm(analyzer.analyze_many(images), total=len(images), unit="image", disable=None)
    results = list(shown)
    errors = [result.error for result in results if result.error is not None]
    if as_json:
        print_json(batch_json(results, lambda r: r.error, _json))
    else:
        for result in results:
            _print(result)
    report_errors(errors)
    if errors:
        ctx.exit(Status.UNREADABLE)


def _json(result: ImageResult) -> dict[str, object]:
    return {"source": result.source, "faces": [gender_json(face) for face in result.faces]}


def _print(result: ImageResult) -> None:
    for face in result.faces:
        if face.gender is not None:
            click.echo(
                f"{result.source}: {face.gender.label} {face.gender.probability:.3f}"
                f"{how_found(face)}"
            )
