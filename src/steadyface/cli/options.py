"""Options that several verbs share, and what they build."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from steadyface.errors import CalibrationError, DatasetLayoutError
from steadyface.imaging.decode import MAX_PIXELS
from steadyface.imaging.files import list_images
from steadyface.matching.calibration import (
    DEFAULT_FMR,
    DEFAULT_PRIOR,
    Calibration,
    expected_fpir,
    fmr_for_fpir,
    load_calibration,
)
from steadyface.types import FaceChoice

_AGE = re.compile(r"(?P<count>[1-9][0-9]*)(?P<unit>[dwy])")
_DAYS = {"d": 1, "w": 7, "y": 365}

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


def reference_detection_option(function: F) -> F:
    """`--detection` for references, which have to show a face."""
    return click.option(
        "--detection",
        type=click.Choice(["require", "skip"]),
        default="require",
        show_default=True,
        help="require: only faces that are found count; skip: images are face crops.",
    )(function)


def faces_option(*choices: FaceChoice, default: FaceChoice) -> Callable[[F], F]:
    """`--faces`: which faces of an image count."""
    return click.option(
        "--faces",
        type=click.Choice(choices),
        default=default,
        show_default=True,
        help="Which faces of an image count, where it shows several.",
    )


def max_pixels_option(function: F) -> F:
    """`--max-pixels`: the limit against images that fill the memory."""
    return click.option(
        "--max-pixels",
        type=click.IntRange(1),
        default=MAX_PIXELS,
        show_default=True,
        envvar="STEADYFACE_MAX_PIXELS",
        show_envvar=True,
        help="Refuse larger images.",
    )(function)


def min_face_option(function: F) -> F:
    """`--min-face`: how small the faces are that are looked for."""
    return click.option(
        "--min-face",
        type=click.FloatRange(1),
        metavar="PIXELS",
        help="Least side of a face that is looked for; smaller takes longer.  [default: by the "
        "image's size, 40 in 12 megapixels]",
    )(function)


def model_options(function: F) -> F:
    """`--model` and `--detector`: what looks at the faces."""
    function = click.option(
        "--detector", metavar="NAME", help="Detector, of `steadyface models list`."
    )(function)
    return click.option(
        "--model",
        "network",
        metavar="NAME",
        help="Face network, of `steadyface models list`; a gallery keeps to the one it was made "
        "with. For gender also the folder of a `steadyface train gender`.",
    )(function)


def prior_option(function: F) -> F:
    """`--prior`: what probabilities start from."""
    return click.option(
        "--prior",
        type=float,
        default=DEFAULT_PRIOR,
        show_default=True,
        help="Probability of the same person before looking, from which probabilities start.",
    )(function)


def rule_options(function: F) -> F:
    """`--fmr` and `--threshold`: where the decision is made."""
    function = click.option(
        "--threshold", type=float, help="Cosine similarity from which two faces match, by hand."
    )(function)
    return click.option(
        "--fmr",
        type=float,
        help=f"False match rate of one comparison to decide at.  [default: {DEFAULT_FMR:g}]",
    )(function)


def fpir_option(function: F) -> F:
    """`--fpir`: decide at a share of strangers, see `asked_fmr`."""
    return click.option(
        "--fpir",
        type=float,
        help="Share of strangers who may match someone, to decide at; the FMR follows from how "
        "many people are enrolled.",
    )(function)


def asked_fmr(
    model_id: str, fmr: float | None, fpir: float | None, identities: int
) -> float | None:
    """The false match rate of one comparison that was asked for, by itself or as an FPIR.

    Raises:
        CalibrationError: both are given, or the FPIR is none, or out of the model's reach.
    """
    if fpir is None:
        return fmr
    if fmr is not None:
        raise CalibrationError("give a target FMR or a target FPIR, not both")
    return _fmr_within(load_calibration(model_id), fpir, identities)


def _fmr_within(calibration: Calibration, fpir: float, identities: int) -> float:
    """As `fmr_for_fpir`, of rates that the calibration supports.

    Raises:
        CalibrationError: the data cannot support this FPIR with so many identities, or it is none.
    """
    fmr = fmr_for_fpir(fpir, identities)
    lowest, highest = calibration.rates
    if not lowest <= fmr <= highest:
        low, high = (expected_fpir(rate, identities) for rate in (lowest, highest))
        raise CalibrationError(
            f"FPIR {fpir:g} with {identities} identities needs an FMR of {fmr:.3g}, and "
            f"calibration {calibration.id} supports {lowest:g} to {highest:g}, which is FPIR "
            f"{low:.3g} to {high:.3g} with so many; choose one in that range or give a "
            "threshold by hand"
        )
    return fmr


def gallery_option(function: F) -> F:
    """`--gallery`: where the templates are kept."""
    return click.option(
        "--gallery",
        "gallery_url",
        required=True,
        metavar="FILE",
        help="The gallery, such as people.db or postgresql://user@host/db?gallery=people.",
    )(function)


def past_moment(ctx: click.Context, param: click.Parameter, value: str) -> datetime:
    """Callback of an option: an age, or an ISO date or time, in UTC unless it says otherwise.

    Raises:
        click.BadParameter: it is neither, or is yet to come.
    """
    now = datetime.now(UTC)
    age = _AGE.fullmatch(value)
    try:
        if age is not None:
            return now - timedelta(days=int(age["count"]) * _DAYS[age["unit"]])
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{value!r} is no age such as 365d, 52w or 1y, and no date such as 2024-12-31",
            ctx,
            param,
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment > now:
        raise click.BadParameter(
            f"{value!r} is yet to come, and everything is older than that", ctx, param
        )
    return moment


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
