"""How a training face is shown to the student: distorted more widely than the suites, shaken.

Every parameter of a distortion is varied beyond what its severities do, by showing the face larger
and smaller in the frame that is distorted, and at other resolutions; a few kinds outside the seven
families keep the network from learning this project's code.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from steadyface.distortions import KINDS, apply
from steadyface.imaging.geometry import CROP_LANDMARKS, CROP_SIZE
from steadyface.training.crops import CANVAS, CANVAS_LANDMARKS
from steadyface.training.recipe import Mix
from steadyface.types import FloatArray, RGBImage

#: Label of a face that is shown clean; the kinds follow in the registry's order.
CLEAN_LABEL = 0
LABELS = ("clean", *KINDS)
#: A 2 x 3 matrix that leaves the crop where it is.
STILL: FloatArray = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)
STILL.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One face as the student sees it.

    Attributes:
        crop: 112 x 112 x 3 uint8.
        label: index into `LABELS` of the main distortion.
        strength: its severity over 5, 0 for clean.
    """

    crop: RGBImage
    label: int
    strength: float


def show(canvas: RGBImage, mix: Mix, rng: np.random.Generator) -> Shown:
    """Show a face as the mix says; all randomness from `rng`."""
    if rng.random() < mix.clean:
        return Shown(crop_of(canvas, jitter(mix, rng, mild=True)), CLEAN_LABEL, 0.0)
    frame, scale = reframed(canvas, rng)
    kinds = choose_kinds(mix, rng)
    top = 5.0 if len(kinds) == 1 else 3.5
    strengths = [float(rng.uniform(1.0, top)) for _ in kinds]
    for kind, strength in zip(kinds, strengths, strict=True):
        if kind == "sunny" and rng.random() < mix.blown:
            frame = blown_out(frame, strength, rng)
        else:
            frame = apply(frame, kind, strength, rng)
    if rng.random() < mix.extra:
        frame = outside_the_families(frame, rng)
    main = int(np.argmax(strengths))
    crop = crop_of(frame, jitter(mix, rng), scale)
    return Shown(crop, LABELS.index(kinds[main]), strengths[main] / 5.0)


def choose_kinds(mix: Mix, rng: np.random.Generator) -> list[str]:
    """One kind or two different ones, by the mix's weights."""
    weights = np.array([mix.weights.get(kind, 1.0) for kind in KINDS])
    count = 2 if rng.random() < mix.second else 1
    chosen = rng.choice(len(KINDS), size=count, replace=False, p=weights / weights.sum())
    return [KINDS[index] for index in chosen]


def reframed(canvas: RGBImage, rng: np.random.Generator) -> tuple[RGBImage, float]:
    """The canvas cut closer or with more around it, at another resolution.

    Lengths of distortions go with the frame's shorter side, so this widens their range against
    the face by 0.7 to 1.4, and that of the grain by the resolution.

    Returns:
        The frame, and its pixels for one pixel of the canvas.
    """
    side = int(CANVAS * rng.uniform(0.75, 1.35))
    margin = (side - CANVAS) // 2
    if margin >= 0:
        framed = cv2.copyMakeBorder(canvas, *(margin,) * 4, cv2.BORDER_REFLECT)
    else:
        framed = np.ascontiguousarray(canvas[-margin:margin, -margin:margin])
    scale = float(rng.uniform(0.7, 1.4))
    size = round(framed.shape[0] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(framed, (size, size), interpolation=method)), size / len(framed)


def jitter(mix: Mix, rng: np.random.Generator, *, mild: bool = False) -> FloatArray:
    """A 2 x 3 matrix that shakes the 112-pixel crop about its middle."""
    factor = 0.4 if mild else (2.0 if rng.random() < mix.wild else 1.0)
    angle = float(rng.normal(0, mix.tilt * factor))
    zoom = float(np.exp(rng.normal(0, mix.zoom * factor)))
    matrix = cv2.getRotationMatrix2D((CROP_SIZE / 2, CROP_SIZE / 2), angle, zoom)
    moved = np.asarray(matrix, dtype=np.float32)
    moved[:, 2] += rng.normal(0, mix.shift * factor, 2)
    return moved


def crop_of(frame: RGBImage, shaken: FloatArray, scale: float = 1.0) -> RGBImage:
    """Warp a frame, whose middle is the canvas's, to the 112-pixel crop.

    Args:
        frame: the canvas or what `reframed` made of it.
        shaken: what `jitter` gave.
        scale: pixels of the frame for one pixel of the canvas.
    """
    middle = (np.array(frame.shape[1::-1], dtype=np.float32) - 1) / 2
    offset = CROP_LANDMARKS[0] - CANVAS_LANDMARKS[0] + (CANVAS - 1) / 2
    # frame -> canvas coordinates about the middle -> crop -> shaken crop
    to_crop = np.eye(3, dtype=np.float64)
    to_crop[:2, :2] /= scale
    to_crop[:2, 2] = offset - middle / scale
    matrix = np.asarray(shaken, dtype=np.float64) @ to_crop
    warped = cv2.warpAffine(
        frame,
        matrix,
        (CROP_SIZE, CROP_SIZE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return np.asarray(warped, dtype=np.uint8)


def blown_out(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
    """Over-exposed as a careless edit does it: in the coded tones, and glare of any size anywhere.

    The suite's `sunny` works in light, with one spot from the side; other code, and many cameras'
    tone curves, do not.
    """
    share = severity / 5
    gain = 1 + share * rng.uniform(-0.2, 1.2)
    lift = share * rng.uniform(0, 110)
    tones = image.astype(np.float32) * np.float32(gain) + np.float32(lift)
    height, width = image.shape[:2]
    y = np.arange(height, dtype=np.float32)[:, None] / height
    x = np.arange(width, dtype=np.float32)[None, :] / width
    for _ in range(int(rng.integers(0, 4))):
        away = np.hypot(y - np.float32(rng.uniform(0, 1)), x - np.float32(rng.uniform(0, 1)))
        reach, edge = np.float32(rng.uniform(0.06, 0.6)), np.float32(rng.uniform(1, 4))
        spot = np.exp(-((away / reach) ** edge)) * np.float32(share * rng.uniform(40, 240))
        tones += spot[..., None]
    return np.asarray(np.clip(tones, 0, 255), dtype=np.uint8)


def outside_the_families(image: RGBImage, rng: np.random.Generator) -> RGBImage:
    """JPEG blocks, a colour cast, grey, a tone curve, or a bar across the face."""
    way = rng.integers(5)
    if way == 0:
        quality = int(rng.uniform(5, 40))
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    if way == 1:
        cast = rng.uniform(0.6, 1.4, 3).astype(np.float32)
        return np.asarray(np.clip(image * cast, 0, 255), dtype=np.uint8)
    if way == 2:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        return np.repeat(np.asarray(grey, dtype=np.uint8)[..., None], 3, axis=2)
    if way == 3:
        gamma = float(np.exp(rng.uniform(-0.8, 0.8)))
        table = (np.linspace(0, 1, 256) ** gamma * 255).astype(np.uint8)
        return np.asarray(cv2.LUT(image, table), dtype=np.uint8)
    barred = image.copy()
    height = image.shape[0]
    top, thick = int(rng.uniform(0.2, 0.7) * height), int(rng.uniform(0.03, 0.12) * height)
    barred[top : top + thick] = rng.integers(0, 256, 3, dtype=np.uint8)
    return barred
