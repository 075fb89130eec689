"""The networks that a gender head can stand on: torchvision's, and this project's own."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision import models

from steadyface.errors import ModelDownloadError, ModelError, UnknownModelError
from steadyface.imaging.framing import FACE_CROP, Framing
from steadyface.models.catalog import Preprocessing, load_catalog
from steadyface.training.embedder import FEATURE_GAIN
from steadyface.training.gender.recipe import OWN_BACKBONE, GenderRecipe
from steadyface.training.sface_torch import FEATURES, INPUT_MEAN, INPUT_SCALE, SFace
from steadyface.training.shipped import shipped_student

#: What torchvision's networks were trained with: means and deviations of RGB in 0..1.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SIZE = 224
#: Parts are looked into for stages where there are no more than so many side by side.
_FEW_PARTS = 3


class OwnTrunk(nn.Module):
    """The face network up to its pooled features, brought to a deviation near 1."""

    def __init__(self, trunk: SFace) -> None:
        super().__init__()
        self.blocks = trunk.blocks
        self.feature_scale, self.feature_bias = trunk.feature_scale, trunk.feature_bias

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x 112 x 112, 0..255, in; N x 1024 out."""
        maps = self.blocks((x - INPUT_MEAN) * INPUT_SCALE)
        pooled: Tensor = (maps * self.feature_scale + self.feature_bias).mean((2, 3))
        return pooled * FEATURE_GAIN


class Classifier(nn.Module):
    """A backbone with a new fully connected layer for two classes: female, male.

    Args:
        trunk: N images in, N x `features` out.
        features: how many.
    """

    def __init__(self, trunk: nn.Module, features: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(features, 2)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x S x S in, N x 2 logits out."""
        logits: Tensor = self.head(self.trunk(x).flatten(1))
        return logits


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A classifier and how it is fed.

    Attributes:
        classifier: the network, its backbone frozen but for the stages that are trained.
        preprocessing: how pixels become its input.
        framing: what of an image it is shown.
        trained_stages: names of the backbone's stages that are trained.
    """

    classifier: Classifier
    preprocessing: Preprocessing
    framing: Framing
    trained_stages: tuple[str, ...]


def build(recipe: GenderRecipe) -> Built:
    """Make the network that a recipe names.

    Raises:
        UnknownModelError: no such backbone, or one without a last fully connected layer.
        ModelDownloadError: its pretrained weights cannot be had.
        ModelError: a file of weights does not fit.
    """
    torch.manual_seed(recipe.seed)
    if recipe.backbone == OWN_BACKBONE:
        entry = load_catalog().default("face-network")
        trunk: nn.Module = OwnTrunk(shipped_student(entry.id).trunk)
        built = Classifier(trunk, FEATURES), entry.preprocessing, FACE_CROP
    else:
        trunk, features, size = _torchvision(recipe.backbone, recipe.weights)
        zoom = None if recipe.crop == "whole" else 0.75
        built = Classifier(trunk, features), _imagenet(), Framing(size, zoom)
    return Built(*built, freeze(built[0], recipe.unfreeze))


def freeze(classifier: Classifier, unfreeze: int) -> tuple[str, ...]:
    """Freeze the backbone but for its last stages; returns their names."""
    several = stages(classifier.trunk)
    chosen = several[len(several) - unfreeze :] if unfreeze else []
    for parameter in classifier.trunk.parameters():
        parameter.requires_grad_(False)
    for _, stage in chosen:
        for parameter in stage.parameters():
            parameter.requires_grad_(True)
    return tuple(name for name, _ in chosen)


def stages(trunk: nn.Module, prefix: str = "") -> list[tuple[str, nn.Module]]:
    """The parts of a backbone that hold parameters, first to last."""
    parts = [
        (f"{prefix}{name}", part)
        for name, part in trunk.named_children()
        if any(True for _ in part.parameters())
    ]
    found: list[tuple[str, nn.Module]] = []
    for name, part in parts:
        inside = len(parts) <= _FEW_PARTS and any(True for _ in part.children())
        found += stages(part, f"{name}.") if inside else [(name, part)]
    return found


def _imagenet() -> Preprocessing:
    """(value / 255 - mean) / deviation."""
    return Preprocessing(
        "RGB",
        tuple(255 * mean for mean in _MEAN),
        tuple(1 / (255 * deviation) for deviation in _DEVIATION),
    )


def _torchvision(name: str, weights: str) -> tuple[nn.Module, int, int]:
    """A torchvision network without its last layer, its number of features, and its input size."""
    known = models.list_models(module=models)
    if name not in known:
        raise UnknownModelError(
            f"no backbone {name!r}; give {OWN_BACKBONE} or one of torchvision's: {', '.join(known)}"
        )
    best = models.get_model_weights(name).DEFAULT
    size = int(getattr(best.transforms(), "crop_size", [_SIZE])[0])
    network: nn.Module = models.get_model(name, weights=None, **_without_extras(name))
    linear = [(path, part) for path, part in network.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise UnknownModelError(
            f"backbone {name} has no last fully connected layer to replace; give another, such as "
            "resnet50"
        )
    path, last = linear[-1]
    owner, _, attribute = path.rpartition(".")
    setattr(network.get_submodule(owner), attribute, nn.Identity())
    left_out = (f"{path}.", *_AUXILIARY.get(name, ()))
    if weights == "default":
        network.load_state_dict(_kept(_downloaded(name, best), left_out))
    elif weights != "none":
        _load_file(network, name, Path(weights), left_out)
    return network, last.in_features, size


def _kept(state: dict[str, Tensor], left_out: tuple[str, ...]) -> dict[str, Tensor]:
    """Weights of what is not left out of the network."""
    return {key: value for key, value in state.items() if not key.startswith(left_out)}


def _without_extras(name: str) -> dict[str, Any]:
    """Options that leave out a second classifier, which only ImageNet's training needs."""
    return {"aux_logits": False, "init_weights": False} if name in _AUXILIARY else {}


#: Beginnings of the names of those second classifiers' weights.
_AUXILIARY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}


def _downloaded(name: str, best: models.WeightsEnum) -> dict[str, Tensor]:
    try:
        state: dict[str, Tensor] = dict(best.get_state_dict(progress=True, check_hash=True))
    except (URLError, OSError, RuntimeError) as error:
        raise ModelDownloadError(
            f"the pretrained weights of {name} ({best.url}) cannot be had ({error}); give a file "
            "with --weights FILE, or train without with --weights none; --backbone "
            f"{OWN_BACKBONE} needs none"
        ) from error
    return state


def _load_file(network: nn.Module, name: str, file: Path, left_out: tuple[str, ...]) -> None:
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict(_kept(state, left_out))
    except (OSError, RuntimeError, AttributeError, pickle.UnpicklingError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise ModelError(
            f"{file}: does not hold the weights of {name} ({reason}); give a state dict saved by "
            "torchvision's network of that name"
        ) from error
