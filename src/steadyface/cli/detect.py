"""`steadyface detect PATH...`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import click
from tqdm import tqdm

from steadyface.cli import options
from steadyface.cli.faces import FaceOptions, face_options
from steadyface.cli.render import batch_json, face_json, how_found, print_json
from steadyface.cli.status import Status, report_errors
from steadyface.errors import ImageError, NoFaceError, UsageError
from steadyface.evaluation.output import writable_folder
from steadyface.imaging.drawing import draw_faces
from steadyface.imaging.geometry import align
from steadyface.imaging.write import write_image
from steadyface.pipeline import Analyzer
from steadyface.types import Face, ImageResult, RGBImage

_POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
_COLUMNS = (
    *("source", "face", "x", "y", "width", "height"),
    *(f"{point}_{axis}" for point in _POINTS for axis in "xy"),
    *("score", "p_face", "quality", "detection", "view"),
)


@click.command("detect")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@face_options("largest", "central", "all", default="all", references=True)
@click.option(
    "--draw",
    "drawn",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write copies with boxes and points into this folder, which has to be new or empty.",
)
@click.option(
    "--crops",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the aligned 112 x 112 crops into this folder, which has to be new or empty.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print one row a face.")
@options.json_option
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    looking: FaceOptions,
    drawn: Path | None,
    crops: Path | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Where the faces are, and how surely; PATH is an image or a folder of them.

    An image without a face is an answer too. P(face) is the probability that it is one, by a second
    network; quality is how far a comparison with it can be trusted.
    """
    if as_csv and as_json:
        raise UsageError("give --csv or --json, not both")
    images = list(chain.from_iterable(_named(path) for path in paths))
    analyzer = looking.analyzer()
    writers = [
        _Writer(folder, images, make)
        for folder, make in ((drawn, _drawing), (crops, _crops))
        if folder is not None
    ]
    # Only when all of them may be written to: a refused run leaves no folder behind.
    for writer in writers:
        writable_folder(writer.folder)
    answers = analyzer.analyze_many([image for image, _ in images])
    shown = tqdm(answers, total=len(images), unit="image", disable=None)
    results = []
    for number, result in enumerate(shown):
        one = _without_a_face(result)
        if one.faces and writers:
            one = _written(writers, number, analyzer, images[number][0], one)
        results.append(one)
    errors = [one.error for one in results if one.error is not None]
    if as_json:
        print_json(batch_json(results, lambda r: r.error, _json))
    elif as_csv:
        _print_csv(results)
    else:
        for result in results:
            _print(result)
    report_errors(errors)
    if errors:
        ctx.exit(Status.UNREADABLE)


def _named(path: Path) -> Iterator[tuple[Path, Path]]:
    """The images of a path, each with its place below the path."""
    for image in options.expand_images((path,)):
        yield image, image.relative_to(path) if image != path else Path(image.name)


def _without_a_face(result: ImageResult) -> ImageResult:
    """That there is no face is an answer here, not an error."""
    return ImageResult(result.source) if isinstance(result.error, NoFaceError) else result


class _Writer:
    """Writes what is made of images into a folder of its own.

    Args:
        folder: new or empty, so that nothing of the user's is overwritten.
        images: each with its place in the folder.
        make: the endings of file names, and the pictures that go there.

    Raises:
        UsageError: the folder is a file or holds something, or two images have the same place in
            it.
    """

    def __init__(
        self,
        folder: Path,
        images: Sequence[tuple[Path, Path]],
        make: Callable[[RGBImage, Sequence[Face]], Iterator[tuple[str, RGBImage]]],
    ) -> None:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder}: is a file; give a folder to write into")
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"{folder}: is not empty; give a new or empty folder to write into")
        taken: dict[Path, Path] = {}
        for image, place in images:
            other = taken.setdefault(place.with_suffix(""), image)
            if other != image:
                remedy = (
                    "rename one"
                    if image.parent == other.parent
                    else "give their common folder instead, or rename one"
                )
                raise UsageError(
                    f"{image} and {other} would be written to the same file in {folder}; {remedy}"
                )
        self.folder, self._make = folder, make
        self._places = [place.with_suffix("") for _, place in images]

    def write(self, number: int, pixels: RGBImage, faces: Sequence[Face]) -> None:
        """Write what is made of an image of this number."""
        place = self._places[number]
        for ending, picture in self._make(pixels, faces):
            write_image(self.folder / place.parent / f"{place.name}_{ending}", picture)


def _drawing(pixels: RGBImage, faces: Sequence[Face]) -> Iterator[tuple[str, RGBImage]]:
    yield "faces.jpg", draw_faces(pixels, faces)


def _crops(pixels: RGBImage, faces: Sequence[Face]) -> Iterator[tuple[str, RGBImage]]:
    for number, face in enumerate(faces, start=1):
        if face.landmarks is not None:
            yield f"face{number}.png", align(pixels, face.landmarks)


def _written(
    writers: Sequence[_Writer], number: int, analyzer: Analyzer, image: Path, result: ImageResult
) -> ImageResult:
    """Write what was asked for of one image, which is read again: all are never held at once.

    Returns:
        The result; that image alone fails if it cannot be read a second time.

    Raises:
        OutputError: a file cannot be written; the next ones could not be either.
    """
    try:
        pixels = analyzer.decode(image)
    except ImageError as error:
        return ImageResult(result.source, error=error)
    for writer in writers:
        writer.write(number, pixels, result.faces)
    return result


def _json(result: ImageResult) -> dict[str, object]:
    return {"source": result.source, "faces": [face_json(face) for face in result.faces]}


def _print_csv(results: Sequence[ImageResult]) -> None:
    # Through click, as all output: a full disk or a reader who left is noticed here.
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for result in results:
        for number, face in enumerate(result.faces, start=1):
            box = face.box
            sides = [f"{v:.1f}" for v in (box.x, box.y, box.width, box.height)]
            points = (
                [""] * 2 * len(_POINTS)
                if face.landmarks is None
                else [f"{v:.1f}" for v in face.landmarks.ravel()]
            )
            told = [
                "" if v is None else f"{v:.4f}" for v in (face.score, face.p_face, face.quality)
            ]
            rows.writerow(
                [result.source, number, *sides, *points, *told, face.detection, face.view or ""]
            )
    click.echo(text.getvalue(), nl=False)


def _print(result: ImageResult) -> None:
    if result.error is None and not result.faces:
        click.echo(f"{result.source}: no face")
    for number, face in enumerate(result.faces, start=1):
        box = face.box
        told = [f"{box.width:.0f} x {box.height:.0f} at {box.x:.0f},{box.y:.0f}"]
        told += [
            f"{name} {value:.2f}"
            for name, value in (
                ("P(face)", face.p_face),
                ("score", face.score),
                ("quality", face.quality),
            )
            if value is not None
        ]
        click.echo(f"{result.source}: face {number}: {', '.join(told)}{how_found(face)}")
