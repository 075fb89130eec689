"""`steadyface distort IN OUT`."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.status import Status, report_errors
from steadyface.distortions import KINDS, apply, contact_sheet, distorted_name, rng_for
from steadyface.errors import SteadyfaceError, UsageError
from steadyface.evaluation.output import writable_folder
from steadyface.imaging.decode import decode
from steadyface.imaging.write import write_image


@click.command("distort")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([*KINDS, "all"]),
    default=("all",),
    show_default=True,
    help="May be given several times.",
)
@click.option(
    "--severity", type=click.FloatRange(1, 5), default=3.0, show_default=True, help="1 to 5."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of all randomness.")
@click.option(
    "--contact-sheet",
    "sheet",
    is_flag=True,
    help="Write one picture of all kinds and severities of SOURCE to the file TARGET.",
)
@click.pass_context
def command(
    ctx: click.Context,
    source: Path,
    target: Path,
    kinds: tuple[str, ...],
    severity: float,
    seed: int,
    sheet: bool,
) -> None:
    """Make distorted copies of an image, or of a folder of them, named STEM_KIND.jpg in TARGET."""
    if sheet:
        write_image(target, contact_sheet(decode(source), seed))
        return
    chosen = KINDS if "all" in kinds else tuple(dict.fromkeys(kinds))
    places = _places(source, target)
    writable_folder(target)
    errors = []
    for image, place in tqdm(places, unit="image", disable=None):
        try:
            pixels = decode(image)
        except SteadyfaceError as error:
            errors.append(error)
            continue
        for kind in chosen:
            copy = apply(pixels, kind, severity, rng_for(seed, image.name, kind))
            write_image(place / distorted_name(image.stem, kind), copy)
    report_errors(errors)
    if errors:
        ctx.exit(Status.UNREADABLE)


def _places(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Each image with the folder its copies go to; subfolders of SOURCE are kept."""
    places = []
    taken: dict[Path, Path] = {}
    for image in options.expand_images((source,)):
        inner = image.parent.relative_to(source) if source.is_dir() else Path()
        other = taken.setdefault(inner / image.stem, image)
        if other is not image:
            raise UsageError(f"{image}: its copies would replace those of {other}; rename one")
        places.append((image, target / inner))
    return places
