"""`steadyface verify A B`."""

from __future__ import annotations

from pathlib import Path

import click

from steadyface.cli import options
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.render import (
    comparison_json,
    decided_at,
    error_json,
    face_json,
    how_found,
    likeness,
    print_json,
)
from steadyface.cli.status import Status, report_errors
from steadyface.errors import NoFaceError
from steadyface.matching.calibration import rule_for
from steadyface.recognition import verification


@click.command("verify")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@options.rule_options
@options.prior_option
@face_options("largest", "central", default="largest")
@options.json_option
@click.pass_context
def command(
    ctx: click.Context,
    first: Path,
    second: Path,
    fmr: float | None,
    threshold: float | None,
    prior: float,
    looking: FaceOptions,
    as_json: bool,
) -> None:
    """Are the faces in two images the same person? Exit status 1 says no."""
    analyzer = looking.analyzer()
    rule = rule_for(analyzer.model_id, fmr=fmr, threshold=threshold, prior=prior)
    results = list(analyzer.analyze_many([first, second]))
    errors = [result.error for result in results if result.error is not None]
    if errors:
        if as_json:
            print_json({"errors": [error_json(error) for error in errors]})
        report_errors(errors)
        ctx.exit(Status.UNREADABLE)
    a, b = (result.faces[0] for result in results)
    try:
        decision = verification(a, b, rule, (str(first), str(second))).comparison
    except NoFaceError as error:
        if as_json:
            print_json({"errors": [error_json(error)]})
        raise
    if as_json:
        print_json(comparison_json(decision) | {"first": face_json(a), "second": face_json(b)})
    else:
        words = "same person" if decision.label else "different people"
        click.echo(f"{words}: {likeness(decision)} ({decided_at(decision)})")
        for path, face in ((first, a), (second, b)):
            if how_found(face):
                click.echo(f"{path}:{how_found(face)}")
    ctx.exit(Status.DONE if decision.label else Status.NO)
