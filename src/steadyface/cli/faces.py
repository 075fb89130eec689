"""How a command looks for faces: the options that all share, and the analyzer that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from steadyface.cli import options
from steadyface.types import DetectionMode, FaceChoice

if TYPE_CHECKING:
    from steadyface.pipeline import Analyzer

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class FaceOptions:
    """What a user asked for; the names are those of `Analyzer`.

    Attributes:
        detection: how faces are looked for.
        faces: which faces of an image count.
        max_pixels: larger images are refused.
        min_face: least side of a face in pixels; None goes with the image's size.
        network: the face network; None is the default one.
        detector: the detector; None is the default one.
    """

    detection: DetectionMode
    faces: FaceChoice
    max_pixels: int
    min_face: float | None
    network: str | None
    detector: str | None

    def analyzer(self, *, min_gender_confidence: float | None = None) -> Analyzer:
        """The analyzer that looks so; nothing is loaded before it is used.

        Raises:
            UnknownModelError: there is no such network or detector.
        """
        from steadyface.pipeline import Analyzer  # noqa: PLC0415 (`--help` needs no network)

        return Analyzer(
            self.detector,
            self.network,
            detection=self.detection,
            faces=self.faces,
            min_gender_confidence=min_gender_confidence,
            max_pixels=self.max_pixels,
            min_face=self.min_face,
        )


def face_options(
    *choices: FaceChoice, default: FaceChoice, references: bool = False
) -> Callable[[F], Callable[..., Any]]:
    """`--detection`, `--faces`, `--max-pixels`, `--min-face`, `--model` and `--detector`.

    The command gets them as one argument, `looking`, a `FaceOptions`.

    Args:
        choices: of `--faces`.
        default: of these.
        references: whether the images have to show a face, as references do.
    """
    detection = options.reference_detection_option if references else options.detection_option

    def decorate(function: F) -> Callable[..., Any]:
        @wraps(function)
        def command(*args: Any, **values: Any) -> Any:
            looking = FaceOptions(**{f.name: values.pop(f.name) for f in fields(FaceOptions)})
            return function(*args, looking=looking, **values)

        shown: Callable[..., Any] = options.model_options(command)
        shown = options.min_face_option(shown)
        shown = options.max_pixels_option(shown)
        shown = options.faces_option(*choices, default=default)(shown)
        return detection(shown)

    return decorate
