"""The search for faces in a frame: look, ask for a second opinion, and look again where in doubt.

A detector proposes faces at several sizes of the frame, and the face check says of each how likely
it is one. Where no face is sure, other views of the frame are tried, which bring out what
distortion hides, and then the frame turned. A face is what both believe in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from steadyface.models.face_check import ACCEPTED_P_FACE
from steadyface.models.looks import (
    Detector,
    Sighting,
    fits,
    look_scales,
    merged,
    same_or_part,
    seen_in,
    shrunk,
)
from steadyface.models.turns import (
    TURNS,
    from_patch,
    turned,
    turned_back,
    upright_patch,
)
from steadyface.models.views import VIEWS, View
from steadyface.models.yunet import rescaled
from steadyface.types import Detection, FloatArray, RGBImage

#: Least score of a proposal, where the face check decides what becomes of it.
PROPOSED_SCORE = 0.3
#: Least score of a face, where nothing else is asked.
BELIEVED_SCORE = 0.5
#: A face of this score and this P(face) ends the search.
SURE_SCORE = 0.8
SURE_P_FACE = 0.9
#: Shorter side of the frame that other views are made of, in pixels: their strengths are in pixels
#: of a small frame.
VIEWED_SIDE = 320
#: New points may be believed in this much less than those of the search.
_SLACK = 0.05
#: Longer side of the frame that is turned.
TURNED_SIDE = 480


class Check(Protocol):
    """What a search needs of a second opinion."""

    def probabilities(self, image: RGBImage, detections: Sequence[Detection]) -> FloatArray:
        """P(face) of each detection."""
        ...


class FaceSearch:
    """Finds the faces of a frame.

    Args:
        detectors: asked for proposals, all of them.
        check: the second opinion; None believes the detectors.
        min_face: least side of a face in pixels of the frame; None as `looks.least_face`.
        proposed_score: least score of a proposal; None takes `PROPOSED_SCORE` with a check, and
            `BELIEVED_SCORE` without.
        views: name -> view, tried where no face is sure.
        turns: degrees by which the frame is turned where no face is sure yet.
        placer: looks at each face alone, to place its points; None keeps the search's own.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        check: Check | None,
        *,
        min_face: float | None = None,
        proposed_score: float | None = None,
        views: Mapping[str, View] = VIEWS,
        turns: Sequence[float] = TURNS,
        placer: Detector | None = None,
    ) -> None:
        self.model_id = detectors[0].model_id
        self._detectors = detectors
        self._check = check
        self._min_face = min_face
        usual = BELIEVED_SCORE if check is None else PROPOSED_SCORE
        self._proposed = usual if proposed_score is None else proposed_score
        self._views = views
        self._turns = turns
        self._placer = placer

    def find(self, image: RGBImage) -> list[Detection]:
        """The faces of one image (H x W x 3 uint8), most believed first; empty without any."""
        sightings = self.first_looks(image)
        if not self.is_sure(sightings):
            sightings += self._judged(image, self._in_views(image))
        if self._turns and not any(self._is_a_sure_face(s.face) for s in sightings):
            sightings += self._judged(image, self._in_turns(image))
        faces = merged([s for s in sightings if self._accepted(s.face)])
        return [self._placed(image, face) for face in faces]

    def first_looks(self, image: RGBImage) -> list[Sighting]:
        """What the frame itself shows, in all its sizes, judged."""
        return self._judged(image, self._in_sizes(image))

    def is_sure(self, sightings: Iterable[Sighting]) -> bool:
        """Whether one of these ends the search."""
        return any(s.face.score >= SURE_SCORE and self._is_a_sure_face(s.face) for s in sightings)

    def _in_sizes(self, image: RGBImage) -> Iterator[Sighting]:
        frame, before = image, 1.0
        for scale in look_scales(image.shape, self._min_face):
            frame, before = shrunk(frame, scale / before), scale
            for face in self._seen(frame, _to(image, frame)):
                yield Sighting(face, face.score, fits(face, scale))

    def _in_views(self, image: RGBImage) -> Iterator[Sighting]:
        small = shrunk(image, VIEWED_SIDE / min(image.shape[:2]))
        for name, view in self._views.items():
            frame = view(small)
            for face in self._seen(frame, _to(image, frame)):
                yield Sighting(replace(face, view=name), face.score)

    def _in_turns(self, image: RGBImage) -> Iterator[Sighting]:
        small = shrunk(image, TURNED_SIDE / max(image.shape[:2]))
        for degrees in self._turns:
            frame, back = turned(small, degrees)

            def upright(
                face: Detection, back: np.ndarray = back, degrees: float = degrees
            ) -> Detection:
                return rescaled(turned_back(face, back, degrees), _factors(image, small))

            for face in self._seen(frame, upright):
                yield Sighting(face, face.score)

    def _seen(
        self, frame: RGBImage, place: Callable[[Detection], Detection]
    ) -> Iterator[Detection]:
        for detector in self._detectors:
            for face in seen_in(detector, frame, self._proposed):
                yield place(face)

    def _judged(self, image: RGBImage, sightings: Iterable[Sighting]) -> list[Sighting]:
        """The sightings with their P(face), which weighs them."""
        known = list(sightings)
        if self._check is None or not known:
            return known
        told = self._check.probabilities(image, [s.face for s in known])
        return [
            Sighting(replace(s.face, p_face=float(p)), s.face.score * float(p), s.fits)
            for s, p in zip(known, told, strict=True)
        ]

    def _placed(self, image: RGBImage, face: Detection) -> Detection:
        """A face with the points that a look at it alone gives, upright and of one size.

        Points of a face that leans, or lies in noise, are drawn towards where an average one would
        have them. They stay where the face check believes in the new ones less.
        """
        if self._placer is None:
            return face
        patch, back = upright_patch(image, face)
        seen = [
            replace(found, view=face.view, score=face.score)
            for found in (
                from_patch(one, back)
                for one in self._placer.detect([patch], PROPOSED_SCORE)[0]  # best score first
            )
            if same_or_part(found, face)
        ]
        if not seen:
            return face
        (again,) = self._judged(image, [Sighting(seen[0], face.score)])
        told, known = again.face.p_face, face.p_face
        return again.face if told is None or known is None or told >= known - _SLACK else face

    def _is_a_sure_face(self, face: Detection) -> bool:
        """A face framed upside down is sometimes believed a little, and never surely."""
        return face.p_face is None or face.p_face >= SURE_P_FACE

    def _accepted(self, face: Detection) -> bool:
        return face.p_face is None or face.p_face >= ACCEPTED_P_FACE


def _factors(image: RGBImage, frame: RGBImage) -> tuple[float, float]:
    return image.shape[1] / frame.shape[1], image.shape[0] / frame.shape[0]


def _to(image: RGBImage, frame: RGBImage) -> Callable[[Detection], Detection]:
    """Leads faces of a frame to pixels of the image."""
    factors = _factors(image, frame)
    return lambda face: face if factors == (1.0, 1.0) else rescaled(face, factors)
