"""The main job in Python: compare two images, enrol people, match probes against a gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steadyface.enrolment import (
    DEFAULT_TERMS,
    Enrolment,
    EnrolmentTerms,
    Person,
    enroll_people,
)
from steadyface.errors import NoFaceError, SteadyfaceError
from steadyface.gallery.contract import Gallery
from steadyface.imaging.decode import source_name
from steadyface.matching.calibration import DEFAULT_PRIOR, DecisionRule, rule_for
from steadyface.matching.decide import compare
from steadyface.matching.index import TemplateIndex
from steadyface.pipeline import Analyzer
from steadyface.searching import GallerySearch
from steadyface.types import Comparison, Face, ImageInput, Match

__all__ = [
    "Enrolment",
    "EnrolmentTerms",
    "Person",
    "ProbeMatch",
    "Recognizer",
    "Verification",
    "verification",
    "verify",
]


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
        self._search = GallerySearch(gallery)
        self._analyzer = analyzer if analyzer is not None else Analyzer()
        self._rule = rule_for(
            gallery.model_id, fmr=fmr, threshold=threshold, rule=rule, prior=prior
        )

    def enroll(
        self,
        identity: str,
        images: Iterable[ImageInput],
        *,
        metadata: Mapping[str, Any] | None = None,
        terms: EnrolmentTerms = DEFAULT_TERMS,
    ) -> Enrolment:
        """Enrol one face of each image; images that fail or show no face are named and left out.

        A face crop that was merely assumed is never enrolled: no stated rate would hold against it.
        Nothing is stored when no image can be used. Unless the terms say `ignore`, the whole
        gallery is read to find lookalikes: enrol many people by one call of `enroll_many`.

        Args:
            identity: the name.
            images: of this person.
            metadata: of the identity, see `Gallery.enroll`; None leaves it as it is.
            terms: limits of quality, what becomes of lookalikes, and whether to store at all.
        """
        return self.enroll_many([Person(identity, images, metadata)], terms=terms)[0]

    def enroll_many(
        self, people: Iterable[Person], *, terms: EnrolmentTerms = DEFAULT_TERMS
    ) -> list[Enrolment]:
        """Enrol many people, as `enroll` does one; lookalikes are looked for once, at the end.

        Each person is stored as soon as all images of that one are embedded. Where lookalikes are
        refused, nobody is before everybody is embedded.

        Args:
            people: who; read one at a time.
            terms: as for `enroll`.

        Returns:
            One result a person, in order.
        """
        return enroll_people(
            self._gallery, people, analyzer=self._analyzer, rule=self._rule, terms=terms
        )

    def match(self, image: ImageInput, *, top: int = 5) -> Match:
        """Match one face of one image, against the gallery as it is now.

        People are held in memory from the first match on; what other processes change is read
        before each.

        Raises:
            ImageError: the image cannot be used.
        """
        face = self._analyzer.analyze(image)[0]
        return self._match(face, self._search.index(), top)

    def match_many(self, images: Iterable[ImageInput], *, top: int = 5) -> Iterator[ProbeMatch]:
        """Match many images; one answer a face, in order, or the error of that image.

        Each is matched against the gallery as it was when the first answer was asked for, or newer.
        """
        index = self._search.index()
        for result in self._analyzer.analyze_many(images):
            if result.error is not None:
                yield ProbeMatch(result.source, error=result.error)
            for face in result.faces:
                yield ProbeMatch(result.source, self._match(face, index, top), face)

    def _match(self, face: Face, index: TemplateIndex, top: int) -> Match:
        return index.match(
            face.embedding, self._rule, top=top, located=face.located, quality=face.quality
        )
