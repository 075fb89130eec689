"""What the commands under `steadyface evaluate` share: data, provenance, reports, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from steadyface.cli.faces import FaceOptions
from steadyface.cli.status import Status
from steadyface.errors import DatasetLayoutError, MissingExtraError, UsageError
from steadyface.evaluation import layouts
from steadyface.evaluation.output import cannot_write, provenance, write_json
from steadyface.models.catalog import load_catalog
from steadyface.models.digests import graph_digests
from steadyface.pipeline import Analyzer


def asked(looking: FaceOptions) -> dict[str, Any]:
    """What decides a result beside the face network."""
    finder = load_catalog().choose("detector", looking.detector).id
    told: dict[str, Any] = {
        "detection": looking.detection,
        "face": looking.faces,
        "detector": finder,
    }
    return told if looking.min_face is None else told | {"min_face": looking.min_face}


def made_by(analyzer: Analyzer, options: Mapping[str, Any], looking: FaceOptions) -> dict[str, Any]:
    """What made a report: versions, options, and digests of the networks that answered."""
    graphs = graph_digests(looking.network, looking.detector)
    return provenance(analyzer.model_id, options) | {"graphs": graphs}


def missing_report(error: ImportError) -> MissingExtraError:
    """The error of a report whose libraries are not installed."""
    return MissingExtraError(
        f"the report needs {error.name}; install it with: pip install 'steadyface[report]'"
    )


def pairs_of(data: Path, images: Path | None) -> tuple[Path, tuple[layouts.Pair, ...]] | None:
    """The folder of a pairs file's images, and its pairs; None where the data is a folder itself.

    Raises:
        UsageError: `--images` is missing, or is given for a folder.
        DatasetLayoutError: there is nothing, the file is no pairs file, or not of these images.
    """
    if not data.exists():
        raise DatasetLayoutError(f"{data}: there is nothing; give a folder or a pairs file")
    if data.is_dir():
        if images is not None:
            raise UsageError(f"{data}: is a folder; --images goes with a pairs file")
        return None
    pairs = layouts.read_pairs(data)
    if images is None:
        raise UsageError(f"{data}: give the folder of its images as --images")
    layouts.require_pair_images(images, pairs)
    return images, pairs


def write_report(folder: Path, name: str, value: Mapping[str, Any], page: str) -> Path:
    """Write a result's JSON and its page; returns where the page is.

    Raises:
        OutputError: one cannot be written.
    """
    write_json(folder / f"{name}.json", value)
    return write_page(folder, page)


def write_page(folder: Path, page: str) -> Path:
    """Write a result's page; returns where it is.

    Raises:
        OutputError: it cannot be written.
    """
    file = folder / "report.html"
    try:
        # Names of images may be no Unicode.
        file.write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise cannot_write(file, error) from error
    return file


def name_failures(failures: Sequence[Mapping[str, str]]) -> None:
    """Name every image without an answer on standard error."""
    for failure in failures:
        click.echo(f"steadyface: {failure['source']}: {failure['reason']}", err=True)


def end(ctx: click.Context, failures: Sequence[Mapping[str, str]]) -> None:
    """End with the status that says whether there were any."""
    if failures:
        ctx.exit(Status.UNREADABLE)
