"""`steadyface match PATH... --gallery FILE`."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.render import (
    batch_json,
    decided_at,
    face_json,
    how_found,
    likeness,
    match_json,
    print_json,
)
from steadyface.cli.status import Status, report_errors
from steadyface.gallery import open_gallery
from steadyface.matching.calibration import rule_for
from steadyface.recognition import ProbeMatch, Recognizer


@click.command("match")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.gallery_option
@options.rule_options
@options.prior_option
@face_options("largest", "central", "all", default="largest")
@options.fpir_option
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Candidates.")
@options.json_option
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    gallery_url: str,
    fmr: float | None,
    threshold: float | None,
    prior: float,
    looking: FaceOptions,
    fpir: float | None,
    top: int,
    as_json: bool,
) -> None:
    """Match images against a gallery. Exit status 1 says that nothing matched.

    An FMR is that of one comparison. A probe is compared with everyone enrolled, so a stranger
    matches someone about as often as the FMR times the number of identities; --json gives that
    share as expected_fpir.
    """
    images = options.expand_images(paths)
    analyzer = looking.analyzer()
    with open_gallery(gallery_url, model_id=analyzer.model_id, mode="read") as gallery:
        rate = options.asked_fmr(analyzer.model_id, fmr, fpir, gallery.count().identities)
        rule = rule_for(analyzer.model_id, fmr=rate, threshold=threshold, prior=prior)
        answers = Recognizer(gallery, analyzer=analyzer, rule=rule).match_many(images, top=top)
        results = list(tqdm(answers, unit="face", disable=None))
    errors = [result.error for result in results if result.error is not None]
    if as_json:
        print_json(batch_json(results, lambda r: r.error, _json))
    else:
        for result in results:
            _print(result)
    report_errors(errors)
    if errors:
        ctx.exit(Status.UNREADABLE)
    matched = any(result.match is not None and result.match.label for result in results)
    ctx.exit(Status.DONE if matched else Status.NO)


def _json(result: ProbeMatch) -> dict[str, object]:
    assert result.match is not None and result.face is not None
    return {"source": result.source} | match_json(result.match) | {"face": face_json(result.face)}


def _print(result: ProbeMatch) -> None:
    if result.match is None or result.face is None:
        return
    match = result.match
    if match.similarity is None:
        click.echo(f"{result.source}: no match (the gallery is empty)")
        return
    words = f"match {match.identity}" if match.label else "no match"
    best = f", best {match.candidates[0].identity}" if not match.label else ""
    click.echo(
        f"{result.source}: {words}: {likeness(match)}{best} "
        f"({decided_at(match)}){how_found(result.face)}"
    )
