"""`steadyface train gender DIR`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from steadyface.cli.status import Status, report_errors
from steadyface.errors import ImageError, MissingExtraError
from steadyface.evaluation.output import writable_folder


def _settings(function: Any) -> Any:
    """The recipe's settings as options; what is not given stays the backbone's default."""
    for option in reversed(
        (
            click.option(
                "--weights",
                metavar="default|none|FILE",
                help="What a torchvision "
                "backbone starts from.  [default: its best pretrained weights]",
            ),
            click.option(
                "--crop",
                type=click.Choice(["face", "whole"]),
                help="Show aligned faces "
                "or whole images.  [default: face for steadyface, whole for others]",
            ),
            click.option("--epochs", type=click.IntRange(1), help="Passes over the images."),
            click.option("--batch", type=click.IntRange(1), help="Images a step."),
            click.option("--rate", type=float, help="Learning rate of the head."),
            click.option(
                "--unfreeze",
                type=click.IntRange(0),
                help="Train so many of the backbone's last stages too.  [default: 0]",
            ),
            click.option("--backbone-rate", type=float, help="Learning rate of those stages."),
            click.option(
                "--distort",
                type=click.FloatRange(0, 1),
                help="Share of training images "
                "that get one of the seven distortions.  [default: 0]",
            ),
            click.option(
                "--copies",
                type=click.IntRange(0),
                help="Show each image in so many "
                "fixed ways, features computed once; 0: anew every epoch.",
            ),
            click.option(
                "--balance-by",
                "balance",
                type=click.Choice(["none", "loss", "sampling"]),
                help="Even out women and men by weighing or by drawing.",
            ),
            click.option(
                "--balance",
                "balance_group",
                metavar="COLUMN",
                help="Even out the groups "
                "of this column as well; by loss where --balance-by does not say.",
            ),
            click.option("--smoothing", type=click.FloatRange(0, 1), help="Label smoothing."),
            click.option(
                "--patience",
                type=click.IntRange(0),
                help="Stop after so many epochs without a better one; 0: never.",
            ),
            click.option("--mixed/--no-mixed", default=None, help="Compute in bfloat16."),
            click.option("--seed", type=int, help="Of everything random."),
            click.option("--workers", type=click.IntRange(0), help="Processes that make images."),
        )
    ):
        function = option(function)
    return function


@click.command("gender")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option(
    "--backbone",
    help="steadyface, or a torchvision network such as resnet50.  [default: steadyface]",
)
@click.option("--config", type=click.Path(path_type=Path), help="Recipe in TOML; options override.")
@click.option(
    "--val-fraction",
    type=float,
    help="Without a folder val: choose the epoch on this share of the people.",
)
@click.option(
    "--table",
    "table_file",
    type=click.Path(path_type=Path),
    help="CSV with a column image and, as you like, identity and groups.",
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="COLUMN",
    help="Report figures by the groups of this column of the table; may be given again.",
)
@click.option(
    "--allow-leakage", is_flag=True, help="Train although images or people are in several parts."
)
@_settings
@click.pass_context
def gender(
    ctx: click.Context,
    /,
    folder: Path,
    output: Path,
    backbone: str | None,
    config: Path | None,
    val_fraction: float | None,
    table_file: Path | None,
    groups: tuple[str, ...],
    allow_leakage: bool,
    **settings: Any,
) -> None:
    """Train a gender classifier on FOLDER/train and FOLDER/val, each with female/ and male/.

    One folder with female/ and male/ does with --val-fraction; FOLDER/test is measured on where it
    is there. Stopped at any moment, the same command goes on. OUTPUT gets the model, report.html,
    metrics.json, card.md, config.json; `steadyface gender --model OUTPUT` uses it.
    """
    try:
        from steadyface.evaluation.table import Table, read_table  # noqa: PLC0415
        from steadyface.training.gender.folders import read_split  # noqa: PLC0415
        from steadyface.training.gender.train import Task, train_gender  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            f"training needs {error.name}; install it with: pip install 'steadyface[train]'"
        ) from error
    recipe = _recipe(backbone, config, settings)
    wanted = list(dict.fromkeys([*groups, *filter(None, [recipe.balance_group])]))
    table = Table() if table_file is None else read_table(table_file, groups=wanted)
    split = read_split(folder, table, val_fraction=val_fraction, seed=recipe.seed)
    writable_folder(output)
    task = Task(folder, split, table, recipe, output, allow_leakage)
    result = train_gender(task, say=click.echo)
    if result is None:
        return
    given = result.metrics["as_given"]["overall"]
    click.echo(
        f"accuracy {100 * given['accuracy']:.2f} % on {result.metrics['measured_on']}; "
        f"report: {output / 'report.html'}"
    )
    report_errors([ImageError(name, reason) for name, reason in result.left_out])
    if result.left_out:
        ctx.exit(Status.UNREADABLE)


def _recipe(backbone: str | None, config: Path | None, settings: dict[str, Any]) -> Any:
    from steadyface.training.gender.recipe import (  # noqa: PLC0415
        OWN_BACKBONE,
        default_recipe,
        read_gender_recipe,
    )

    if config is not None:
        recipe = read_gender_recipe(config)
        if backbone is not None:
            recipe = replace(recipe, backbone=backbone)
    else:
        recipe = default_recipe(OWN_BACKBONE if backbone is None else backbone)
    given = {name: value for name, value in settings.items() if value is not None}
    if given.get("balance_group") and "balance" not in given and recipe.balance == "none":
        given["balance"] = "loss"
    return replace(recipe, **given)
