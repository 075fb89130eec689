"""`steadyface evaluate gender|match|pairs|robustness|fairness`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from steadyface.cli import options
from steadyface.cli.evaluate_fairness import fairness
from steadyface.cli.evaluate_robustness import robustness
from steadyface.cli.evaluate_text import gender_text, match_text, pairs_text
from steadyface.cli.evaluating import asked, end, name_failures
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.render import print_json
from steadyface.distortions.suites import Condition
from steadyface.evaluation import layouts, plots, plotting
from steadyface.evaluation.gender import evaluate_gender
from steadyface.evaluation.match import evaluate_match
from steadyface.evaluation.output import (
    provenance,
    writable_file,
    writable_folder,
    write_csv,
)
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.matching.calibration import rule_for

F = TypeVar("F", bound=Callable[..., Any])


@click.group("evaluate")
def command() -> None:
    """Measure on labelled folders. Images without an answer count as errors and are named.

    Labelled photos show their person in the middle, others may stand behind: the most central face
    counts. `--faces largest` measures what the other commands do by default.
    """


command.add_command(robustness)
command.add_command(fairness)


def _output_options(function: F) -> F:
    function = options.json_option(function)
    function = click.option(
        "--csv",
        "csv_file",
        type=click.Path(path_type=Path),
        help="Write one row for each image or pair.",
    )(function)
    return click.option(
        "--plots",
        "plots_folder",
        type=click.Path(path_type=Path),
        help="Write confusion matrix, ROC and score histogram into this folder.",
    )(function)


@command.command("gender")
@click.argument("folder", type=click.Path(path_type=Path))
@face_options("largest", "central", default="central")
@_output_options
@click.pass_context
def gender(
    ctx: click.Context,
    folder: Path,
    looking: FaceOptions,
    as_json: bool,
    csv_file: Path | None,
    plots_folder: Path | None,
) -> None:
    """Task A: FOLDER holds female/ and male/."""
    _prepare_outputs(csv_file, plots_folder)
    images = layouts.read_gender_folder(folder)
    analyzer = looking.analyzer()
    evaluation = evaluate_gender(analyzer, images)
    summary = evaluation.summary()
    made = provenance(analyzer.model_id, asked(looking))
    _print(summary, made, as_json, gender_text)
    if csv_file is not None:
        write_csv(csv_file, evaluation.rows())
    if plots_folder is not None:
        _say(plotting.plot_gender(evaluation, summary, plots_folder))
    _name_failures(ctx, summary)


@command.command("match")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--unknown", type=click.Path(path_type=Path), help="Folder of probes of people not enrolled."
)
@options.rule_options
@options.fpir_option
@face_options("largest", "central", default="central")
@_output_options
@click.pass_context
def match(
    ctx: click.Context,
    folder: Path,
    unknown: Path | None,
    fmr: float | None,
    threshold: float | None,
    fpir: float | None,
    looking: FaceOptions,
    as_json: bool,
    csv_file: Path | None,
    plots_folder: Path | None,
) -> None:
    """Task B: FOLDER holds IDENTITY/*.jpg and IDENTITY/distortion/*.jpg."""
    _prepare_outputs(csv_file, plots_folder)
    dataset = layouts.read_match_folder(folder, unknown)
    analyzer = looking.analyzer()
    rate = options.asked_fmr(analyzer.model_id, fmr, fpir, len(dataset.references))
    rule = rule_for(analyzer.model_id, fmr=rate, threshold=threshold)
    evaluation = evaluate_match(analyzer, dataset, rule, unknown=unknown)
    summary = evaluation.summary()
    made = provenance(analyzer.model_id, asked(looking))
    _print(summary, made, as_json, match_text)
    if csv_file is not None:
        write_csv(csv_file, evaluation.rows())
    if plots_folder is not None:
        _say(plotting.plot_match(evaluation, summary, plots_folder))
    _name_failures(ctx, summary)


@command.command("pairs")
@click.argument("pairs_file", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option(
    "--distort",
    metavar="KIND:SEVERITY",
    help="Distort the second image of each pair, such as noisy:3.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the distortions.")
@face_options("largest", "central", default="central")
@_output_options
@click.pass_context
def pairs(
    ctx: click.Context,
    pairs_file: Path,
    images: Path,
    distort: str | None,
    seed: int,
    looking: FaceOptions,
    as_json: bool,
    csv_file: Path | None,
    plots_folder: Path | None,
) -> None:
    """LFW's official protocol: PAIRS_FILE in its format, IMAGES the folder of people."""
    _prepare_outputs(csv_file, plots_folder)
    condition = None if distort is None else Condition.parse(distort)
    comparisons = layouts.read_pairs(pairs_file)
    layouts.require_pair_images(images, comparisons)
    analyzer = looking.analyzer()
    evaluation = PairsEvaluator(analyzer, comparisons, images, seed=seed).evaluate(condition)
    summary = evaluation.summary()
    made = provenance(analyzer.model_id, asked(looking) | {"seed": seed})
    _print(summary, made, as_json, pairs_text)
    if csv_file is not None:
        write_csv(csv_file, evaluation.rows())
    if plots_folder is not None:
        threshold = rule_for(analyzer.model_id).threshold
        _say(plotting.plot_pairs(evaluation, threshold, plots_folder))
    _name_failures(ctx, summary)


def _prepare_outputs(csv_file: Path | None, plots_folder: Path | None) -> None:
    """Find out before the long work whether its results can be written."""
    if csv_file is not None:
        writable_file(csv_file)
    if plots_folder is not None:
        plots.require_plotting()
        writable_folder(plots_folder)


def _print(
    summary: Mapping[str, Any],
    made: Mapping[str, Any],
    as_json: bool,
    text: Callable[[Mapping[str, Any]], str],
) -> None:
    """Comes before any file is written: a full disk shall not cost the figures of long work."""
    if as_json:
        print_json({**summary, "made_by": made})
    else:
        click.echo(text(summary))


def _say(not_drawn: Sequence[str]) -> None:
    for reason in not_drawn:
        click.echo(f"steadyface: {reason}", err=True)


def _name_failures(ctx: click.Context, summary: Mapping[str, Any]) -> None:
    failures = [*summary["failures"], *summary.get("reference_failures", [])]
    name_failures(failures)
    end(ctx, failures)
