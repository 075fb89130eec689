"""`steadyface distort IN OUT`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.status import Status, report_errors
from steadyface.distortions import KINDS, apply, contact_sheet, rng_for
from steadyface.distortions.copies import plan_copies, refuse_same_file
from steadyface.errors import SteadyfaceError
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
@options.max_pixels_option
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
    max_pixels: int,
    sheet: bool,
) -> None:
    """Make distorted copies of an image, or of a folder of them, named STEM_KIND.jpg in TARGET."""
    if sheet:
        pixels = decode(source, max_pixels=max_pixels)
        refuse_same_file(target, source)
        write_image(target, contact_sheet(pixels, seed))
        return
    chosen = KINDS if "all" in kinds else tuple(dict.fromkeys(kinds))
    images = options.expand_images((source,))
    copies = plan_copies(images, source, target, chosen)
    writable_folder(target)
    errors = []
    by_image = groupby(copies, key=lambda copy: copy.image)
    for image, its_copies in tqdm(by_image, total=len(images), unit="image", disable=None):
        try:
            pixels = decode(image, max_pixels=max_pixels)
        except SteadyfaceError as error:
            errors.append(error)
            continue
        for copy in its_copies:
            rng = rng_for(seed, image.name, copy.kind)
            write_image(copy.file, apply(pixels, copy.kind, severity, rng))
    report_errors(errors)
    if errors:
        ctx.exit(Status.UNREADABLE)
