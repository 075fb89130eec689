"""Options that several verbs share, and what they build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from steadyface.errors import DatasetLayoutError
from steadyface.imaging.files import list_images
from steadyface.types import FaceChoice

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """`--json`: print one JSON document instead of text."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(
        function
    )


def detection_option(function: F) -> F:
    """`--detection`: how faces are looked for."""
    return click.option(
        "--detection",
        type=click.Choice(["auto", "require", "skip"]),
        default="auto",
        show_default=True,
        help="auto: without a face found, take the middle of the image as a face crop; "
        "require: that is an error; skip: images are face crops.",
    )(function)


def faces_option(function: F) -> F:
    """`--faces`: the largest face of an image, the most central one, or all."""
    return click.option(
        "--faces",
        type=click.Choice(["largest", "central", "all"]),
        default="largest",
        show_default=True,
        help="Which faces of an image to answer for.",
    )(function)


def face_option(default: FaceChoice) -> Callable[[F], F]:
    """`--face`: which one face of an image counts."""
    return click.option(
        "--face",
        "faces",
        type=click.Choice(["largest", "central"]),
        default=default,
        show_default=True,
        help="Which face of an image counts, where it shows several.",
    )


def rule_options(function: F) -> F:
    """`--fmr` and `--threshold`: where the decision is made."""
    function = click.option(
        "--threshold", type=float, help="Cosine similarity from which two faces match, by hand."
    )(function)
    return click.option(
        "--fmr",
        type=float,
        help="False match rate of one comparison to decide at.  [default: 0.001]",
    )(function)


def gallery_option(function: F) -> F:
    """`--gallery`: where the templates are kept."""
    return click.option(
        "--gallery",
        "gallery_url",
        required=True,
        metavar="FILE",
        help="The gallery, such as people.db.",
    )(function)


def expand_images(paths: tuple[Path, ...]) -> list[Path]:
    """Files as they are, folders as the images below them.

    Raises:
        DatasetLayoutError: a folder holds no image.
    """
    images: list[Path] = []
    for path in paths:
        if not _is_folder(path):
            images.append(path)
            continue
        found = list_images(path)
        if not found:
            raise DatasetLayoutError(
                f"{path}: no images in this folder; give one that holds files such as .jpg or .png"
            )
        images.extend(found)
    return images


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # A path that cannot even be looked at is one failed image among the others; the decoder
        # says why.
        return False
