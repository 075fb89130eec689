"""`steadyface evaluate fairness`."""

from __future__ import annotations

from pathlib import Path

import click

from steadyface.cli import options
from steadyface.cli.evaluating import (
    asked,
    end,
    made_by,
    missing_report,
    name_failures,
    pairs_of,
    write_report,
)
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.render import print_json
from steadyface.errors import UsageError
from steadyface.evaluation import layouts
from steadyface.evaluation.fairness import gender_fairness, pairs_fairness
from steadyface.evaluation.fairness_figures import Comparison, unmatched_words
from steadyface.evaluation.output import writable_folder
from steadyface.evaluation.table import read_table
from steadyface.matching.calibration import rule_for


@click.command("fairness")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--table",
    "table_file",
    type=click.Path(path_type=Path),
    required=True,
    help="CSV with a column image, columns of groups and, as you like, identity.",
)
@click.option(
    "--group", "columns", multiple=True, required=True, metavar="COLUMN", help="May be given again."
)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder to fill.")
@click.option(
    "--images", type=click.Path(path_type=Path), help="Folder that a pairs file speaks of."
)
@options.rule_options
@face_options("largest", "central", default="central")
@options.json_option
@click.pass_context
def fairness(
    ctx: click.Context,
    /,
    data: Path,
    table_file: Path,
    columns: tuple[str, ...],
    output: Path,
    images: Path | None,
    fmr: float | None,
    threshold: float | None,
    looking: FaceOptions,
    as_json: bool,
) -> None:
    """Errors by groups of people, as report.html and fairness.json in OUTPUT.

    DATA is a folder with female/ and male/, or a pairs file with --images.
    """
    try:
        from steadyface.evaluation.fairness_report import report  # noqa: PLC0415
    except ImportError as error:
        raise missing_report(error) from error
    of_pairs = pairs_of(data, images)
    if of_pairs is None and (fmr is not None or threshold is not None):
        raise UsageError(f"{data}: is a folder; --fmr and --threshold go with a pairs file")
    table = read_table(table_file, groups=columns)
    writable_folder(output)
    analyzer = looking.analyzer()
    made = made_by(analyzer, asked(looking), looking)
    if of_pairs is None:
        result = gender_fairness(analyzer, layouts.read_gender_folder(data), data, table)
    else:
        rule = rule_for(analyzer.model_id, fmr=fmr, threshold=threshold)
        result = pairs_fairness(analyzer, of_pairs[1], of_pairs[0], table, rule)
    value = result.as_json() | {"made_by": made}
    page = write_report(output, "fairness", value, report(result, made))
    if as_json:
        print_json(value)
    else:
        for one in result.comparisons:
            click.echo(_line(one))
        click.echo(f"report: {page}")
    if result.unmatched_rows:
        click.echo(f"steadyface: {table_file}: {unmatched_words(result.unmatched_rows)}", err=True)
    name_failures(result.failures)
    end(ctx, result.failures)


def _line(one: Comparison) -> str:
    head = f"{one.measure} by {one.column}: "
    if one.worst is None or one.difference is None:
        return f"{head}no two groups are large enough to compare"
    worst = next(line for line in one.lines if line.group == one.worst)
    ratio = "" if one.ratio is None else f", errors {one.ratio:.2f} times those of the best"
    return (
        f"{head}worst {one.worst} {100 * (worst.value or 0):.2f} %, difference "
        f"{100 * one.difference:.2f} points{ratio}"
    )
