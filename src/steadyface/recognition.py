"""The main job in Python: compare two images, enrol people, match probes against a gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from steadyface.errors import NoFaceError, SteadyfaceError
from steadyface.gallery.contract import Duplicate, Gallery
from steadyface.imaging.decode import source_name
from steadyface.matching.calibration import DEFAULT_PRIOR, DecisionRule, rule_for
from steadyface.matching.decide import compare, match
from steadyface.matching.scores import ReadyTemplates, ready
from steadyface.pipeline import Analyzer, no_face
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
        held: how many images were not, for the identity has the same one already.
        duplicates: references that are enrolled under another identity too.
        errors: what could not be used, one error an image.
    """

    identity: str
    enrolled: int
    held: int
    duplicates: tuple[Duplicate, ...]
    errors: tuple[SteadyfaceError, ...]


def verify(
    first: ImageInput,
    second: ImageInput,
    *,
    analyzer: Analyzer | None = None,
    rule: DecisionRule | None = None,
    fmr: float | None = None,
    threshold: float | None = None,
    prior: float = DEFAULT_PRIOR,
) -> Verification:
    """Decide whether two images show one person, by the face of each that the analyzer chooses.

    Args:
        first: anything the decoder takes.
        second: likewise.
        analyzer: None takes the defaults.
        rule: the thresholds; None takes the calibrated ones at `fmr`.
        fmr: false match rate to decide at; None takes 1e-3.
        threshold: cosine similarity to decide at, instead of a rate.
        prior: P(same person) before looking, from which the probability starts.

    Raises:
        ImageError: an image cannot be used, or neither shows a face.
        CalibrationError: more than one of rule, rate and threshold is given, or out of reach.
    """
    pipeline = analyzer if analyzer is not None else Analyzer()
    chosen = rule_for(pipeline.model_id, fmr=fmr, threshold=threshold, rule=rule, prior=prior)
    a = pipeline.analyze(first)[0]
    b = pipeline.analyze(second)[0]
    return verification(a, b, chosen, (source_name(first), source_name(second)))


def verification(a: Face, b: Face, rule: DecisionRule, sources: tuple[str, str]) -> Verification:
    """Decide on two analysed faces.

    Raises:
        NoFaceError: no face was found in either image, so that two walls would compare well.
    """
    if not a.located and not b.located:
        raise NoFaceError(
            " and ".join(sources),
            "no face was found in either image; use clearer ones, or detection 'skip' if both are "
            "face crops",
        )
    located = a.located and b.located
    qualities = a.quality, b.quality
    comparison = compare(a.embedding, b.embedding, rule, located=located, qualities=qualities)
    return Verification(comparison, a, b)


class Recognizer:
    """Enrols people in a gallery and matches probes against it.

    Args:
        gallery: where templates are kept; made with the analyzer's model.
        analyzer: None takes the defaults.
        rule: the thresholds; None takes the calibrated ones at `fmr`.
        fmr: false match rate of one comparison to decide at; None takes 1e-3.
        threshold: cosine similarity to decide at, instead of a rate.
        prior: P(same person) before looking, from which probabilities start.

    Raises:
        CalibrationError: more than one of rule, rate and threshold is given, or out of reach.
    """

    def __init__(
        self,
        gallery: Gallery,
        *,
        analyzer: Analyzer | None = None,
        rule: DecisionRule | None = None,
        fmr: float | None = None,
        threshold: float | None = None,
        prior: float = DEFAULT_PRIOR,
    ) -> None:
        self._gallery = gallery
        self._analyzer = analyzer if analyzer is not None else Analyzer()
        self._rule = rule_for(
            gallery.model_id, fmr=fmr, threshold=threshold, rule=rule, prior=prior
        )

    def enroll(self, identity: str, images: Iterable[ImageInput]) -> Enrolment:
        """Enrol one face of each image; images that fail or show no face are named and left out.

        A face crop that was merely assumed is never enrolled: no stated rate would hold against it.
        Nothing is stored when no image can be used.
        """
        references: list[Reference] = []
        errors: list[SteadyfaceError] = []
        for result in self._analyzer.analyze_many(images):
            if result.error is not None:
                errors.append(result.error)
            elif not result.faces[0].located:
                errors.append(no_face(result.source))
            else:
                face = result.faces[0]
                references.append(
                    Reference(
                        face.embedding,
                        result.source,
                        quality=face.quality,
                        calibration=self._rule.calibration,
                    )
                )
        if not references:
            return Enrolment(identity, 0, 0, (), tuple(errors))
        done = self._gallery.enroll(identity, references)
        return Enrolment(identity, done.added, done.held, done.duplicates, tuple(errors))

    def match(self, image: ImageInput, *, top: int = 5) -> Match:
        """Match one face of one image.

        Raises:
            ImageError: the image cannot be used.
        """
        face = self._analyzer.analyze(image)[0]
        templates = ready(self._gallery.templates())
        return self._match(face, templates, top)

    def match_many(self, images: Iterable[ImageInput], *, top: int = 5) -> Iterator[ProbeMatch]:
        """Match many images; one answer a face, in order, or the error of that image.

        The gallery is read once, when the first answer is asked for.
        """
        templates = ready(self._gallery.templates())
        for result in self._analyzer.analyze_many(images):
            if result.error is not None:
                yield ProbeMatch(result.source, error=result.error)
            for face in result.faces:
                yield ProbeMatch(result.source, self._match(face, templates, top), face)

    def _match(self, face: Face, templates: ReadyTemplates, top: int) -> Match:
        return match(
            face.embedding,
            templates,
            self._rule,
            top=top,
            located=face.located,
            quality=face.quality,
        )
