"""One detector, from a folder of faces to an exported network with its held-out figures."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import DatasetLayoutError, ImageError, UsageError
from steadyface.evaluation.output import provenance, write_json
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import load_detector
from steadyface.models.plain import PlainDetector
from steadyface.models.search import SURE_SCORE, FaceSearch
from steadyface.models.session import OnnxSession
from steadyface.models.yunet import YuNetDetector
from steadyface.pipeline import FaceFinder
from steadyface.training.base_models import DETECTOR, weights_of
from steadyface.training.curves import draw_curves
from steadyface.training.detector_augment import SIDE, padded
from steadyface.training.detector_export import write_detector
from steadyface.training.detector_frames import FrameSet, prepare_frames, prepare_photos
from steadyface.training.detector_measure import held_frames, measure
from steadyface.training.detector_recipe import DetectorRecipe
from steadyface.training.detector_run import DetectorRun, TaughtFrames
from steadyface.training.loop import LOG
from steadyface.training.sources import read_faces
from steadyface.training.yunet_torch import load_yunet

#: Frames on which torch and ONNX Runtime are compared.
_PARITY_FRAMES = 8
#: Held-out frames that are measured; more say little more and take minutes.
_MEASURED_FRAMES = 300


@dataclass(frozen=True, slots=True, eq=False)
class TrainedDetector:
    """What a run gave.

    Attributes:
        file: the exported ONNX network.
        left_out: images that could not be used, and why.
    """

    file: Path
    left_out: tuple[ImageError, ...]


def train_detector(
    folder: Path,
    output: Path,
    recipe: DetectorRecipe,
    *,
    photos: Path | None = None,
    backgrounds: Path | None = None,
) -> TrainedDetector:
    """Adapt the base detector to distorted frames.

    Stopped at any moment, the same call goes on from its last checkpoint.

    Args:
        folder: images with faces, see `steadyface.training.sources.read_faces`.
        output: keeps the prepared frames, checkpoint, log, manifest, the network and its figures.
        recipe: how.
        photos: photographs with any number of faces, which the base detector names.
        backgrounds: photographs without people.

    Raises:
        DatasetLayoutError: the folder holds no usable face, or another no image.
        UsageError: the output holds a run of another recipe, or the recipe asks for photographs or
            backgrounds that are not given, or the other way round.
        ModelError: torch and ONNX Runtime do not agree on the result.
    """
    _check_shares(recipe, photos, backgrounds)
    base = load_detector(DETECTOR)
    frames = prepare_frames(read_faces(folder), base, folder, output / "frames")
    held = frames.part(frames.held)
    taught = frames.part(~frames.held)
    if not len(taught):
        raise DatasetLayoutError(
            f"{folder}: all {len(frames)} images with a face are held out for measuring; give more"
        )
    shown = TaughtFrames(
        taught,
        None if photos is None else prepare_photos(photos, output / "photos"),
        None if backgrounds is None else prepare_photos(backgrounds, output / "backgrounds"),
    )
    write_json(
        output / "manifest.json",
        {
            "images": list(taught.names),
            "held_out": list(held.names),
            "photos": [] if shown.photos is None else list(shown.photos.names),
            "backgrounds": [] if shown.backgrounds is None else list(shown.backgrounds.names),
        },
    )
    weights = weights_of(DETECTOR)
    student = load_yunet(weights)
    student.load_state_dict(DetectorRun(student, shown, recipe, output).train())
    draw_curves(output / LOG, output / "curves.png")
    file = output / "detector.onnx"
    worst = write_detector(student, weights, _parity_frames(taught), file)
    write_json(
        output / "detector.json",
        {
            "made_by": provenance(DETECTOR, json.loads(json.dumps(asdict(recipe)))),
            "frames": len(taught),
            "torch_and_onnx_differ_by": worst,
            "held_out": held_out_figures(base, file, held),
        },
    )
    parts = [part for part in (frames, shown.photos, shown.backgrounds) if part is not None]
    return TrainedDetector(file, tuple(error for part in parts for error in part.left_out))


def _check_shares(recipe: DetectorRecipe, photos: Path | None, backgrounds: Path | None) -> None:
    """Make sure that what the recipe shows is given, and what is given shown."""
    for name, share, folder in (
        ("photos", recipe.mix.photos, photos),
        ("backgrounds", recipe.mix.backgrounds, backgrounds),
    ):
        if (share > 0) != (folder is not None):
            raise UsageError(
                f"the recipe's mix shows {name} in a share of {share:g} and "
                f"{'no' if folder is None else 'a'} folder of them is given: give both or neither"
            )


def held_out_figures(base: YuNetDetector, file: Path, held: FrameSet) -> dict[str, Any]:
    """Figures of base and student, alone and with other views, on frames that neither learnt from.

    Args:
        base: the base detector.
        file: the exported student.
        held: frames held out; of many, so many are taken evenly.
    """
    numbers = np.unique(
        np.linspace(0, len(held) - 1, min(len(held), _MEASURED_FRAMES)).round().astype(np.int64)
    )
    plain = PlainDetector(base)
    student = exported(file)
    frames = held_frames(held, numbers.tolist(), plain)
    finders: dict[str, FaceFinder] = {
        "base": plain,
        "base with views": FaceSearch([base], None, turns=()),
        "student": PlainDetector(student),
        "student with views": FaceSearch([student], None, turns=()),
    }
    return {"frames": len(frames), "figures": measure(finders, frames, sure=SURE_SCORE)}


def exported(file: Path) -> YuNetDetector:
    """A detector from an exported file, with the base detector's preprocessing."""
    session = OnnxSession(file.read_bytes(), weights_folder=None, threads=1, name=str(file))
    preprocessing = load_catalog().model(DETECTOR).preprocessing
    return YuNetDetector(session, preprocessing, model_id=f"detector:{file.stem}")


def _parity_frames(frames: FrameSet) -> NDArray[np.uint8]:
    """The first frames, each cut and padded to the square that a batch is made of."""
    first = [frames.frame(number) for number in range(min(len(frames), _PARITY_FRAMES))]
    return np.stack([padded(frame[:SIDE, :SIDE]) for frame in first])
