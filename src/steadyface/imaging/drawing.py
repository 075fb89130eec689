"""Faces drawn into a copy of their image: boxes, points, numbers and how far they are believed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from steadyface.types import Detection, Face, RGBImage

#: Lines are this share of the image's shorter side, text is legible from small to very large.
_LINE_SHARE = 1 / 250
_TEXT_SHARE = 1 / 900
_CLEAR, _DOUBTFUL = (40, 220, 80), (255, 170, 30)
_POINT = (255, 230, 60)
#: P(face), or the detector's score, from which a face is drawn as a clear one.
_SURE = 0.9


def draw_faces(image: RGBImage, faces: Sequence[Face | Detection]) -> RGBImage:
    """Draw boxes, points, numbers and P(face) into a copy.

    Faces are numbered from 1 in the order given. One without points, such as a crop that was
    assumed, gets its box alone. Clear faces are green, doubtful ones orange.

    Args:
        image: H x W x 3 uint8 RGB; stays as it is.
        faces: of this image, in its pixels; may reach past its edge.

    Returns:
        H x W x 3 uint8 RGB, a new array.

    Example:
        >>> from steadyface import Analyzer, draw_faces
        >>> analyzer = Analyzer(faces="all")
        >>> pixels = analyzer.decode("crowd.jpg")  # doctest: +SKIP
        >>> drawn = draw_faces(pixels, analyzer.analyze(pixels))  # doctest: +SKIP
    """
    drawn = np.ascontiguousarray(image).copy()
    line = max(1, round(min(image.shape[:2]) * _LINE_SHARE))
    for number, face in enumerate(faces, start=1):
        belief = face.p_face if face.p_face is not None else face.score
        colour = _CLEAR if belief is not None and belief >= _SURE else _DOUBTFUL
        left, top = round(face.box.x), round(face.box.y)
        right, bottom = round(face.box.x + face.box.width), round(face.box.y + face.box.height)
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, line)
        if face.landmarks is not None:
            for x, y in face.landmarks:
                centre = round(float(x)), round(float(y))
                cv2.circle(drawn, centre, line, _POINT, -1)
        _label(
            drawn, f"{number}" if belief is None else f"{number}: {belief:.2f}", left, top, colour
        )
    return drawn


def _label(drawn: RGBImage, text: str, left: int, top: int, colour: tuple[int, int, int]) -> None:
    """Write above the box, or inside it where there is no room above."""
    scale = max(0.3, min(drawn.shape[:2]) * _TEXT_SHARE)
    thick = max(1, round(scale * 1.5))
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    x = min(max(0, left), max(0, drawn.shape[1] - width))
    y = top - below if top - below - height >= 0 else max(0, top) + height + below
    cv2.putText(
        drawn, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3 * thick, cv2.LINE_AA
    )
    cv2.putText(drawn, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thick, cv2.LINE_AA)
