"""The main job in Python: compare two images, enrol people, match probes against a gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from steadyface.errors import SteadyfaceError
from steadyface.gallery.contract import Gallery
from steadyface.matching.calibration import DecisionRule, rule_for
from steadyface.matching.decide import compare, match
from steadyface.pipeline import Analyzer
from steadyface.types import Comparison, Face, ImageInput, Match, Reference


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """The answer to 'are these two the same person?', with the faces it was given on."""

    comparison: Comparison
    first: Face
    second: Face


@dataclass(frozen=True, slots=True, eq=False)
class ProbeMatch:
    """One probe of a batch: its match and face, or the error that kept them back."""

    source: str
    match: Match | None = None
    face: Face | None = None
    error: SteadyfaceError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Enrolment:
    """What became of the images offered for one identity.

    Attributes:
        identity: the identity.
        enrolled: how many references were stored.
        assumed: sources in which no face was found and the middle of the image was taken as one.
        errors: what could not be used, one error an image.
    """

    identity: str
    enrolled: int
    assumed: tuple[str, ...]
    errors: tuple[SteadyfaceError, ...]


def verify(
    first: ImageInput,
    second: ImageInput,
    *,
    analyzer: Analyzer | None = None,
    rule: DecisionRule | None = None,
) -> Verification:
    """Decide whether two images show one person, by the largest face of each.

    Args:
        first: anything the decoder takes.
        second: likewise.
        analyzer: None takes the defaults.
        rule: the threshold; None takes the calibrated one at FMR 1e-3.

    Raises:
        ImageError: an image cannot be used.
    """
    pipeline = analyzer if analyzer is not None else Analyzer()
    a = pipeline.analyze(first)[0]
    b = pipeline.analyze(second)[0]
    chosen = rule if rule is not None else rule_for(pipeline.model_id)
    return Verification(compare(a.embedding, b.embedding, chosen), a, b)


class Recognizer:
    """Enrols people in a gallery and matches probes against it.

    Args:
        gallery: where templates are kept; made with the analyzer's model.
        analyzer: None takes the defaults.
        rule: the threshold; None takes the calibrated one at FMR 1e-3.
    """

    def __init__(
        self,
        gallery: Gallery,
        *,
        analyzer: Analyzer | None = None,
        rule: DecisionRule | None = None,
    ) -> None:
        self._gallery = gallery
        self._analyzer = analyzer if analyzer is not None else Analyzer()
        self._rule = rule if rule is not None else rule_for(gallery.model_id)

    def enroll(self, identity: str, images: Iterable[ImageInput]) -> Enrolment:
        """Enrol the largest face of each image; images that fail are named and left out.

        Nothing is stored when no image can be used.
        """
        references: list[Reference] = []
        assumed: list[str] = []
        errors: list[SteadyfaceError] = []
        for result in self._analyzer.analyze_many(images):
            if result.error is not None:
                errors.append(result.error)
                continue
            face = result.faces[0]
            if face.detection == "assumed":
                assumed.append(result.source)
            references.append(Reference(face.embedding, result.source))
        if references:
            self._gallery.enroll(identity, references)
        return Enrolment(identity, len(references), tuple(assumed), tuple(errors))

    def match(self, image: ImageInput, *, top: int = 5) -> Match:
        """Match the largest face of one image.

        Raises:
            ImageError: the image cannot be used.
        """
        face = self._analyzer.analyze(image)[0]
        return match(face.embedding, self._gallery.templates(), self._rule, top=top)

    def match_many(self, images: Iterable[ImageInput], *, top: int = 5) -> Iterator[ProbeMatch]:
        """Match many images; one answer a face, in order, or the error of that image.

        The gallery is read once, when the first answer is asked for.
        """
        templates = self._gallery.templates()
        for result in self._analyzer.analyze_many(images):
            if result.error is not None:
                yield ProbeMatch(result.source, error=result.error)
            for face in result.faces:
                decision = match(face.embedding, templates, self._rule, top=top)
                yield ProbeMatch(result.source, decision, face)
