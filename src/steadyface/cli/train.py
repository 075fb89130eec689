"""`steadyface train ...`: the embedder and the detector; the gender classifier is beside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from steadyface.cli.status import Status, report_errors
from steadyface.cli.train_gender import gender
from steadyface.errors import MissingExtraError
from steadyface.evaluation.output import writable_folder


@click.group("train")
def command() -> None:
    """Train on your own folders; needs the extra `train`."""


@command.command("embedder")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="Recipe in TOML.  [default: the packaged one]"
)
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps, instead of the recipe's.")
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    help="Folder of a finished run whose network to start from.  [default: the base network]",
)
@click.option("--smoke", is_flag=True, help="Two tiny steps, to see that everything works.")
@click.pass_context
def embedder(
    ctx: click.Context,
    folder: Path,
    output: Path,
    config: Path | None,
    steps: int | None,
    start: Path | None,
    smoke: bool,
) -> None:
    """Adapt the base face network to distorted faces; FOLDER holds images of faces.

    Needs no labels. Stopped at any moment, the same command goes on from its last checkpoint.
    OUTPUT gets network.onnx, network.json, log.jsonl and manifest.json, the list of what was
    trained on.
    """
    try:
        from steadyface.training.recipe import read_recipe  # noqa: PLC0415
        from steadyface.training.train_embedder import (  # noqa: PLC0415
            default_recipe,
            train_embedder,
        )
    except ImportError as error:
        raise MissingExtraError(
            f"training needs {error.name}; install it with: pip install 'steadyface[train]'"
        ) from error
    recipe = default_recipe() if config is None else read_recipe(config)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    if smoke:
        recipe = replace(recipe, steps=2, batch=4, bank=8, workers=0)
    writable_folder(output)
    trained = train_embedder(folder, output, recipe, start=start, compiled=not smoke)
    click.echo(trained.file)
    report_errors(trained.left_out)
    if trained.left_out:
        ctx.exit(Status.UNREADABLE)


@command.command("detector")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="Recipe in TOML.  [default: the packaged one]"
)
@click.option(
    "--photos",
    type=click.Path(path_type=Path),
    help="Photographs with any number of faces, which the base detector names.",
)
@click.option("--backgrounds", type=click.Path(path_type=Path), help="Photographs without people.")
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps, instead of the recipe's.")
@click.option("--smoke", is_flag=True, help="Two tiny steps, to see that everything works.")
@click.pass_context
def detector(
    ctx: click.Context,
    folder: Path,
    output: Path,
    config: Path | None,
    photos: Path | None,
    backgrounds: Path | None,
    steps: int | None,
    smoke: bool,
) -> None:
    """Adapt the base detector to distorted frames; FOLDER holds images with faces.

    Needs no labels. Stopped at any moment, the same command goes on from its last checkpoint.
    OUTPUT gets detector.onnx, detector.json with the figures on held-out frames, log.jsonl and
    manifest.json, the lists of what was trained on and what was held out.
    """
    try:
        from steadyface.training.detector_recipe import (  # noqa: PLC0415
            default_detector_recipe,
            read_detector_recipe,
        )
        from steadyface.training.train_detector import train_detector  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            f"training needs {error.name}; install it with: pip install 'steadyface[train]'"
        ) from error
    recipe = default_detector_recipe() if config is None else read_detector_recipe(config)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    if smoke:
        recipe = replace(recipe, steps=2, batch=2, workers=0)
    writable_folder(output)
    trained = train_detector(folder, output, recipe, photos=photos, backgrounds=backgrounds)
    click.echo(trained.file)
    report_errors(trained.left_out)
    if trained.left_out:
        ctx.exit(Status.UNREADABLE)


command.add_command(gender)
