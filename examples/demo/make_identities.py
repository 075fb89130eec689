"""Makes the sample identities: faces of nobody, each the weighted average of eight people.

Run with the folder of free training data (it is not part of the project):

    python examples/demo/make_identities.py --data DATA --output examples/demo/identities

Twelve identities, three 'photos' each from other weights, brightness and framing. The averages are
of LFW people who are in no official pair; no photograph of a real person is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from steadyface.imaging.decode import decode
from steadyface.imaging.geometry import CROP_LANDMARKS, similarity_transform
from steadyface.imaging.write import write_image
from steadyface.models.defaults import load_detector
from steadyface.training.sources import read_lfw
from steadyface.types import FloatArray, RGBImage

SIDE = 192
PEOPLE = 8
PHOTOS = 3
CONCENTRATION = 6.0
CONTRAST = 1.25
#: Chosen so that the identities are as unlike as real people: mated cosines from 0.67, non-mated
#: below 0.40 with the base network (another seed gives averages that look like one another).
SEED = 22
NAMES = {
    "female": ("Ada", "Bea", "Cleo", "Dora", "Edith", "Flora"),
    "male": ("Amos", "Boris", "Cyril", "Dmitri", "Emil", "Felix"),
}
#: Where an average's five points lie in its picture.
CANVAS_LANDMARKS: FloatArray = ((CROP_LANDMARKS - 56) * 1.05 + (SIDE / 2, SIDE / 2 + 4)).astype(
    np.float32
)


@dataclass(frozen=True, slots=True)
class Frontal:
    """A frontal face brought to the canvas: SIDE x SIDE x 3 float32."""

    pixels: FloatArray


def frontal_faces(data: Path, *, female: bool, needed: int) -> list[Frontal]:
    """The first `needed` sharp, frontal faces of a gender, brought to the canvas."""
    detector = load_detector("yunet-base")
    chosen: list[Frontal] = []
    for face in read_lfw(data):
        if face.female != female:
            continue
        image = decode(face.path)
        found = detector.detect([image], 0.92)[0]
        if len(found) == 1 and is_frontal(found[0].landmarks):
            matrix = similarity_transform(found[0].landmarks, CANVAS_LANDMARKS)
            warped = cv2.warpAffine(
                image, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
            )
            chosen.append(Frontal(warped.astype(np.float32)))
        if len(chosen) == needed:
            return chosen
    raise SystemExit(f"only {len(chosen)} frontal faces of {needed}")


def is_frontal(landmarks: FloatArray) -> bool:
    """Whether the nose lies under the middle of eyes at least 38 pixels apart."""
    eyes = landmarks[1] - landmarks[0]
    distance = float(np.linalg.norm(eyes))
    aside = abs(float((landmarks[2] - landmarks[:2].mean(axis=0)) @ eyes)) / distance**2
    return distance > 38 and aside < 0.06


def photo(people: Sequence[Frontal], rng: np.random.Generator) -> RGBImage:
    """One 'photo' of the identity that these people make together."""
    weights = rng.dirichlet(np.full(len(people), CONCENTRATION))
    mean = sum(w * p.pixels for w, p in zip(weights, people, strict=True))
    middle = float(np.mean(mean))
    lit = (np.asarray(mean) - middle) * CONTRAST + middle * rng.uniform(0.85, 1.15)
    angle, scale = rng.uniform(-6, 6), rng.uniform(0.88, 1.08)
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, scale)
    shift = np.zeros((2, 3))
    shift[:, 2] = rng.uniform(-6, 6, size=2)
    framed = cv2.warpAffine(
        lit.astype(np.float32), matrix + shift, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT
    )
    return np.clip(framed.round(), 0, 255).astype(np.uint8)


def main() -> None:
    """Write OUTPUT/GENDER/NAME/NAME_000N.jpg for every identity."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    rng = np.random.default_rng(SEED)
    for gender, names in NAMES.items():
        faces = frontal_faces(arguments.data, female=gender == "female", needed=PEOPLE * len(names))
        faces = [faces[i] for i in rng.permutation(len(faces))]
        for index, name in enumerate(names):
            people = faces[index * PEOPLE : (index + 1) * PEOPLE]
            for number in range(1, PHOTOS + 1):
                file = arguments.output / gender / name / f"{name}_{number:04d}.jpg"
                write_image(file, photo(people, rng))
                print(file)


if __name__ == "__main__":
    main()
