"""Images on their way into a gallery: embedded, judged by quality and likeness, stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Literal, TypeAlias, get_args

from steadyface.errors import LookalikeError, PoorFaceError, SteadyfaceError, UsageError
from steadyface.gallery.contract import Gallery
from steadyface.gallery.names import clean_name
from steadyface.gallery.values import Duplicate, Enrolled, NewPerson
from steadyface.matching.calibration import DecisionRule
from steadyface.matching.lookalikes import (
    Lookalike,
    LookalikeFinder,
    check_model,
    embedding_key,
    with_offered,
)
from steadyface.pipeline import Analyzer, no_face
from steadyface.types import Face, ImageInput, ImageResult, Reference, Templates

#: Below this quality a reference is named as poor. Quality is the expected similarity to a clean
#: image of the same view, and two good images of one person match from 0.43 on (at FMR 1e-3): not
#: much is left then to know the person by.
WARN_BELOW = 0.5

#: What becomes of references that look like another identity.
LookalikePolicy: TypeAlias = Literal["ignore", "report", "refuse"]


@dataclass(frozen=True, slots=True)
class EnrolmentTerms:
    """What is asked of references.

    Attributes:
        warn_below: references of a lower quality, 0..1, are named and enrolled; 0 names none.
        refuse_below: references of a lower quality are errors; None refuses none. A network that
            tells no quality has none refused.
        lookalikes: `report` names references that look like another identity, of the gallery or
            of the same call, and enrols them; `refuse` makes them errors, on both sides, since
            which name is right is for people to say; `ignore` does not look, which saves reading
            the whole gallery.
        dry_run: store nothing, and tell what would be.

    Raises:
        UsageError: a quality is not 0 to 1, or the policy is unknown.
    """

    warn_below: float = WARN_BELOW
    refuse_below: float | None = None
    lookalikes: LookalikePolicy = "report"
    dry_run: bool = False

    def __post_init__(self) -> None:
        for name in ("warn_below", "refuse_below"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise UsageError(f"{name} is {value}: give a quality from 0 to 1")
        if self.lookalikes not in get_args(LookalikePolicy):
            raise UsageError(
                f"lookalikes is {self.lookalikes!r}: give 'ignore', 'report' or 'refuse'"
            )

    @property
    def at_once(self) -> bool:
        """Whether a person can be stored before the others are looked at."""
        return not self.dry_run and self.lookalikes != "refuse"


_NOTHING = Enrolled(added=0, held=0, references=0)

#: What is asked where nobody says otherwise.
DEFAULT_TERMS = EnrolmentTerms()


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Somebody to enrol.

    Attributes:
        identity: the name.
        images: of this person, one reference each.
        metadata: of the identity, see `Gallery.enroll`; None leaves it as it is.
        sources: what the gallery is to call each image, as many as there are images, or
            `UsageError` is raised and nothing of this person stored; None takes its path.
    """

    identity: str
    images: Iterable[ImageInput]
    metadata: Mapping[str, Any] | None = None
    sources: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class PoorReference:
    """A reference of low quality, 0..1, that was enrolled all the same."""

    source: str
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Enrolment:
    """What became of the images offered for one identity; in a dry run, what would have.

    Attributes:
        identity: the identity.
        enrolled: how many references were stored.
        held: how many images were not, for the identity has the same one already.
        duplicates: references that are enrolled under another identity too.
        errors: what could not be used, one error an image.
        poor: references of low quality, see `EnrolmentTerms.warn_below`.
        lookalikes: references that look like another identity, those that were refused for it
            included; a duplicate is one too.
    """

    identity: str
    enrolled: int
    held: int
    duplicates: tuple[Duplicate, ...]
    errors: tuple[SteadyfaceError, ...]
    poor: tuple[PoorReference, ...] = ()
    lookalikes: tuple[Lookalike, ...] = ()


def enroll_people(
    gallery: Gallery,
    people: Iterable[Person],
    *,
    analyzer: Analyzer,
    rule: DecisionRule,
    terms: EnrolmentTerms = DEFAULT_TERMS,
) -> list[Enrolment]:
    """Enrol one face of each image of many people; see `Recognizer.enroll_many`."""
    offers: list[_Offer] = []
    for person in people:
        offer = _offer(person, analyzer, rule, terms)
        offers.append(offer)
        if terms.at_once:
            offer.stored = _store(gallery, offer)
    looked_for = terms.lookalikes != "ignore"
    if (looked_for or terms.dry_run) and any(offer.references for offer in offers):
        templates = gallery.templates()
        if looked_for:
            _find_lookalikes(templates, offers, rule, terms)
        if terms.dry_run:
            _try(templates, offers)
    if not (terms.at_once or terms.dry_run):
        _store_all(gallery, offers)
    return [offer.result() for offer in offers]


@dataclass(slots=True, eq=False)
class _Offer:
    """One person's references until they are stored.

    `shown` has what messages call each of `references`: the image as it can be opened, where the
    gallery may be told another source.
    """

    person: Person
    name: str
    references: list[Reference] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    errors: list[SteadyfaceError] = field(default_factory=list)
    poor: list[PoorReference] = field(default_factory=list)
    lookalikes: list[Lookalike] = field(default_factory=list)
    stored: Enrolled = _NOTHING

    def result(self) -> Enrolment:
        return Enrolment(
            self.person.identity,
            self.stored.added,
            self.stored.held,
            self.stored.duplicates,
            tuple(self.errors),
            tuple(self.poor),
            tuple(self.lookalikes),
        )


def _offer(person: Person, analyzer: Analyzer, rule: DecisionRule, terms: EnrolmentTerms) -> _Offer:
    offer = _Offer(person, clean_name(person.identity))
    for result, source in _with_sources(person, analyzer.analyze_many(person.images)):
        refusal = _refusal(result, terms)
        if refusal is not None:
            offer.errors.append(refusal)
            continue
        face = result.faces[0]
        name = result.source if source is None else source
        offer.references.append(_reference(face, name, rule))
        offer.shown.append(result.source)
        if face.quality is not None and face.quality < terms.warn_below:
            offer.poor.append(PoorReference(result.source, face.quality))
    return offer


def _with_sources(
    person: Person, results: Iterable[ImageResult]
) -> Iterator[tuple[ImageResult, str | None]]:
    if person.sources is None:
        yield from zip(results, repeat(None), strict=False)
        return
    count = 0
    for count, result in enumerate(results, start=1):
        # Whether there are more is known at the end: the images may come from an iterator.
        yield result, person.sources[count - 1] if count <= len(person.sources) else None
    if count != len(person.sources):
        raise UsageError(
            f"{person.identity!r}: {len(person.sources)} sources for {count} images; give one for "
            "each, or None for their paths"
        )


def _refusal(result: ImageResult, terms: EnrolmentTerms) -> SteadyfaceError | None:
    if result.error is not None:
        return result.error
    face = result.faces[0]
    if not face.located:
        return no_face(result.source)
    least = terms.refuse_below
    if least is not None and face.quality is not None and face.quality < least:
        return PoorFaceError(
            result.source,
            f"the face is of quality {face.quality:.2f}, below {least:g}; use a clearer image",
        )
    return None


def _reference(face: Face, source: str, rule: DecisionRule) -> Reference:
    return Reference(face.embedding, source, quality=face.quality, calibration=rule.calibration)


def _store(gallery: Gallery, offer: _Offer) -> Enrolled:
    if not offer.references:
        return _NOTHING
    return gallery.enroll(offer.name, offer.references, metadata=offer.person.metadata)


def _store_all(gallery: Gallery, offers: Sequence[_Offer]) -> None:
    some = [offer for offer in offers if offer.references]
    people = [NewPerson(one.name, one.references, one.person.metadata) for one in some]
    for offer, stored in zip(some, gallery.enroll_many(people), strict=True):
        offer.stored = stored


def _find_lookalikes(
    templates: Templates, offers: Sequence[_Offer], rule: DecisionRule, terms: EnrolmentTerms
) -> None:
    if not terms.at_once:
        each = chain.from_iterable(zip(repeat(o.name), o.references, strict=False) for o in offers)
        templates = with_offered(templates, each)
    finder = LookalikeFinder(templates, rule)
    for offer in offers:
        found = finder.find(offer.name, offer.references)
        offer.lookalikes = [
            Lookalike(shown, one.identity, one.similarity, one.threshold)
            for shown, one in zip(offer.shown, found, strict=True)
            if one is not None
        ]
        if terms.lookalikes == "refuse":
            _refuse(offer, found)


def _refuse(offer: _Offer, found: Sequence[Lookalike | None]) -> None:
    refused = {one.source for one in offer.lookalikes}
    kept = [n for n, one in enumerate(found) if one is None]
    offer.references = [offer.references[n] for n in kept]
    offer.shown = [offer.shown[n] for n in kept]
    offer.poor = [one for one in offer.poor if one.source not in refused]
    offer.errors += [
        LookalikeError(
            one.source,
            f"looks like {one.identity} (similarity {one.similarity:.2f}); enrol it under one name",
        )
        for one in offer.lookalikes
    ]


def _try(templates: Templates, offers: Iterable[_Offer]) -> None:
    """What storing would answer, person after person."""
    holders: dict[bytes, set[str]] = {}
    for owner, vector in zip(templates.owners.tolist(), templates.vectors, strict=True):
        holders.setdefault(vector.tobytes(), set()).add(templates.names[owner])
    for offer in offers:
        added, duplicates = 0, []
        for reference in offer.references:
            check_model(templates, reference)
            names = holders.setdefault(embedding_key(reference), set())
            duplicates += [
                Duplicate(reference.source, name) for name in sorted(names - {offer.name})
            ]
            added += offer.name not in names
            names.add(offer.name)
        held = len(offer.references) - added
        offer.stored = Enrolled(added, held, 0, tuple(duplicates))
