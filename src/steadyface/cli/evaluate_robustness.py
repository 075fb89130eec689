"""`steadyface evaluate robustness`."""

from __future__ import annotations

from collections.abc import Callable
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
    write_page,
)
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.render import print_json
from steadyface.distortions import KINDS
from steadyface.distortions.suites import Condition
from steadyface.evaluation import layouts, plots
from steadyface.evaluation.output import writable_folder, write_json
from steadyface.evaluation.robustness.baseline import (
    CorruptionError,
    corruption_error,
    require_fits,
)
from steadyface.evaluation.robustness.facts import dataset_line
from steadyface.evaluation.robustness.gender import GenderSubject
from steadyface.evaluation.robustness.pairs import PairsSubject
from steadyface.evaluation.robustness.people import PeopleSubject, split_people
from steadyface.evaluation.robustness.run import (
    Subject,
    data_of,
    evaluate_robustness,
    read_robustness,
)
from steadyface.matching.calibration import rule_for
from steadyface.pipeline import Analyzer


@click.command("robustness")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder to fill.")
@click.option(
    "--images", type=click.Path(path_type=Path), help="Folder that a pairs file speaks of."
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="[default: all seven]"
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=click.FloatRange(1, 5),
    help="May be given again.  [default: 1, 2, 3, 4 and 5]",
)
@click.option(
    "--references",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Of a folder of people: images to enrol of each; the others are probes.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the distortions.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="robustness.json of another model on the same data: errors are told as a share of its.",
)
@face_options("largest", "central", default="central")
@options.json_option
@click.pass_context
def robustness(
    ctx: click.Context,
    /,
    data: Path,
    output: Path,
    images: Path | None,
    kinds: tuple[str, ...],
    severities: tuple[float, ...],
    references: int,
    seed: int,
    baseline: Path | None,
    looking: FaceOptions,
    as_json: bool,
) -> None:
    """Figures by kind and severity of distortion, as report.html and robustness.json in OUTPUT.

    DATA is a folder with female/ and male/; or a folder of people, a folder each, of whom the first
    image is enrolled, the others are probes, and those with one image alone are strangers; or a
    pairs file with --images. Every condition is kept as soon as it is measured: stopped, the same
    command goes on.
    """
    plots.require_plotting()
    try:
        from steadyface.evaluation.robustness.report import report  # noqa: PLC0415
    except ImportError as error:
        raise missing_report(error) from error
    other = None if baseline is None else read_robustness(baseline)
    writable_folder(output)
    analyzer = looking.analyzer()
    subject = _subject(analyzer, data, images, references, seed)
    options_asked = asked(looking) | {
        "seed": seed,
        # It decides which images are failures.
        "max_pixels": looking.max_pixels,
        "references": references if subject.task == "match" else None,
    }
    made = made_by(analyzer, options_asked, looking)
    conditions = [
        Condition(kind, severity)
        # In one order, however they are asked for, so that results can be set side by side.
        for kind in (kind for kind in KINDS if kind in kinds or not kinds)
        for severity in sorted(set(severities or (1.0, 2.0, 3.0, 4.0, 5.0)))
    ]
    digest = data_of(subject)
    if other is not None:
        require_fits(other, subject, digest, conditions, options_asked)
    say: Callable[[str], None] = (lambda _: None) if as_json else click.echo
    say(f"data: {dataset_line(subject.dataset)}")
    result = evaluate_robustness(subject, conditions, made, output / "cells", say, digest)
    corruption: CorruptionError | None = None
    value = result.as_json()
    if other is not None:
        corruption = corruption_error(result, other)
        value["corruption_error"] = corruption.as_json()
    # Before the page, which reads images again: figures of long work are not lost to its errors.
    write_json(output / "robustness.json", value)
    page = write_page(output, report(result, subject, seed, corruption))
    if as_json:
        print_json(value)
    else:
        if corruption is not None:
            click.echo(_corruption_line(corruption))
        click.echo(f"report: {page}")
    name_failures(result.clean.failures)
    end(ctx, value["failures"])


def _corruption_line(corruption: CorruptionError) -> str:
    mean = "not measurable" if corruption.mean is None else f"{corruption.mean:.3f}"
    without = ", ".join(corruption.without_errors)
    more = f"; it has no error under {without}" if without else ""
    return f"mean corruption error {mean} of the baseline's, {corruption.baseline['model']}{more}"


def _subject(
    analyzer: Analyzer, data: Path, images: Path | None, references: int, seed: int
) -> Subject:
    of_pairs = pairs_of(data, images)
    if of_pairs is not None:
        root, pairs = of_pairs
        return PairsSubject(analyzer, root, pairs, rule_for(analyzer.model_id), seed=seed)
    if any((data / gender).is_dir() for gender in layouts.GENDERS):
        return GenderSubject(analyzer, data, layouts.read_gender_folder(data), seed=seed)
    people = split_people(data, layouts.read_people(data), references)
    return PeopleSubject(analyzer, data, people, rule_for(analyzer.model_id), seed=seed)
