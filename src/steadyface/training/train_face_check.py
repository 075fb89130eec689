"""Trains the network that says whether a detection is a face, and measures it on what it never saw.

    python -m steadyface.training.train_face_check DATA --photos P --backgrounds B --animals A \\
        --drawings D --output RUN

DATA is a folder of faces as for `steadyface train detector`; the other folders hold photographs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import Dataset

from steadyface.evaluation.output import provenance, write_json
from steadyface.metrics import roc_auc
from steadyface.models.defaults import load_detector
from steadyface.models.face_check import log_odds
from steadyface.training.base_models import DETECTOR
from steadyface.training.detector_frames import FrameSet, prepare_frames, prepare_photos
from steadyface.training.face_check_network import FaceCheckNetwork, write_face_check
from steadyface.training.face_check_pool import KINDS, Pool, Sources, prepare_pool
from steadyface.training.loop import Loop
from steadyface.training.sources import read_faces

MODEL_ID = "face-check-1"


@dataclass(frozen=True, slots=True)
class FaceCheckRecipe:
    """How a run goes; see `DetectorRecipe` for the names.

    Attributes:
        steps: optimiser steps.
        batch: crops a step.
        rate: peak learning rate.
        warmup: steps.
        decay: weight decay.
        averaging: decay of the running average of weights that is exported.
        seed: of everything random.
        workers: processes that make samples.
        share: of the usual number of windows that crops are made of.
    """

    steps: int = 6000
    batch: int = 256
    rate: float = 2e-3
    warmup: int = 200
    decay: float = 0.02
    averaging: float = 0.998
    seed: int = 0
    workers: int = 0
    share: float = 1.0


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Sample number -> a crop, perhaps mirrored and toned, and whether it shows a face.

    Faces and others are drawn alike often, so that the probability starts from one half.
    """

    def __init__(self, pool: Pool, seed: int, first: int, count: int) -> None:
        taught = ~pool.held
        self._places = [np.flatnonzero(taught & (pool.face == face)) for face in (False, True)]
        self._pool, self._seed, self._first, self._count = pool, seed, first, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, offset: int) -> tuple[Tensor, Tensor]:
        number = self._first + offset
        rng = np.random.default_rng((self._seed, number))
        face = number % 2
        crop = self._pool.crops[rng.choice(self._places[face])].astype(np.float32)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        if rng.random() < 0.5:
            crop = crop * rng.uniform(0.7, 1.3) + rng.uniform(-25, 25)
        if rng.random() < 0.1:
            crop = np.repeat(crop.mean(axis=2, keepdims=True), 3, axis=2)
        pixels = np.ascontiguousarray(np.clip(crop, 0, 255).transpose(2, 0, 1), dtype=np.float32)
        return torch.from_numpy(pixels), torch.tensor(float(face))


class FaceCheckRun(Loop[FaceCheckRecipe]):
    """The face check's run; see `Loop` for how it is stopped and goes on."""

    def __init__(
        self, network: FaceCheckNetwork, pool: Pool, recipe: FaceCheckRecipe, folder: Path
    ) -> None:
        self._check, self._pool = network, pool
        super().__init__(
            network,
            recipe,
            folder,
            optimiser=torch.optim.AdamW(
                network.parameters(), lr=recipe.rate, weight_decay=recipe.decay
            ),
        )

    def _samples(self, first: int, count: int) -> Crops:
        return Crops(self._pool, self._recipe.seed, first, count)

    def _terms(self, batch: list[Tensor]) -> tuple[Mapping[str, Tensor], Tensor]:
        pixels, face = batch
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self._check(pixels.contiguous(memory_format=torch.channels_last))
        loss = F.binary_cross_entropy_with_logits(logits.float(), face)
        right = ((logits > 0) == (face > 0.5)).float().mean()
        return {"loss": loss, "right": right}, loss


def train_face_check(sources: Sources, output: Path, recipe: FaceCheckRecipe) -> Path:
    """Make the crops, train, calibrate on held-out crops, export and measure.

    Stopped at any moment, the same call goes on from its last checkpoint.

    Args:
        sources: what crops are made of.
        output: keeps crops, checkpoint, log, `face-check.onnx` and `face-check.json`.
        recipe: how.

    Returns:
        The exported network.
    """
    pool = prepare_pool(sources, output / "crops", share=recipe.share, seed=recipe.seed)
    network = FaceCheckNetwork()
    network.load_state_dict(FaceCheckRun(network, pool, recipe, output).train())
    held = np.flatnonzero(pool.held)
    logits = _logits(network, pool.crops[held])
    temperature = fitted_temperature(logits, pool.face[held])
    evidence = fitted_evidence(logits / temperature, pool.score[held], pool.face[held])
    file = output / "face-check.onnx"
    worst = write_face_check(network, temperature, pool.crops[held[:64]], file)
    write_json(
        output / "face-check.json",
        {
            "made_by": provenance(MODEL_ID, json.loads(json.dumps(asdict(recipe)))),
            "crops": len(pool.face),
            "faces": int(pool.face.sum()),
            "temperature": temperature,
            "evidence": [round(value, 4) for value in evidence],
            "torch_and_onnx_differ_by": worst,
            "held_out": held_out_figures(logits / temperature, pool.face[held], pool.kind[held]),
        },
    )
    return file


def _logits(network: nn.Module, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    parts: list[NDArray[np.float64]] = []
    with torch.no_grad():
        for start in range(0, len(crops), 512):
            pixels = torch.from_numpy(crops[start : start + 512].transpose(0, 3, 1, 2).copy())
            parts.append(network.eval()(pixels.float()).double().numpy())
    return np.concatenate(parts)


def fitted_temperature(logits: NDArray[np.float64], face: NDArray[np.bool_]) -> float:
    """The divisor of logits under which held-out labels are likeliest, faces and others alike.

    Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    tried = np.exp(np.linspace(np.log(0.25), np.log(8.0), 200))
    losses = [_loss(logits / t, face) for t in tried]
    return float(tried[int(np.argmin(losses))])


def fitted_evidence(
    logits: NDArray[np.float64], score: NDArray[np.float64], face: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """How the check's log odds and those of the detector's score make P(face) together.

    Logistic regression on held-out proposals, faces and others of equal weight.

    Args:
        logits: N, of the check, divided by the temperature.
        score: N, of the detector; NaN where none proposed the crop, which is left out.
        face: N bool.

    Returns:
        Weight of the check, weight of the score, and what is added.
    """
    proposed = np.isfinite(score)
    model = LogisticRegression(C=1e3, class_weight="balanced", max_iter=1000)
    features = np.stack([log_odds(expit(logits[proposed])), log_odds(score[proposed])], axis=1)
    model.fit(features, face[proposed])
    check, of_score = model.coef_[0]
    return float(check), float(of_score), float(model.intercept_[0])


def _loss(logits: NDArray[np.float64], face: NDArray[np.bool_]) -> float:
    weights = np.where(face, 0.5 / max(1, face.sum()), 0.5 / max(1, (~face).sum()))
    return float((weights * np.logaddexp(0, np.where(face, -logits, logits))).sum())


def held_out_figures(
    logits: NDArray[np.float64], face: NDArray[np.bool_], kind: NDArray[np.int64]
) -> dict[str, Any]:
    """ROC AUC, and by what the window showed the shares that are told wrongly at one half."""
    p_face = expit(logits)
    by_kind: dict[str, Any] = {}
    for number, name in enumerate(KINDS):
        here = kind == number
        by_kind[name] = {
            "faces": int((here & face).sum()),
            "faces_refused": _share(p_face[here & face] < 0.5),
            "others": int((here & ~face).sum()),
            "others_accepted": _share(p_face[here & ~face] >= 0.5),
        }
    return {"roc_auc": roc_auc(p_face[face], p_face[~face]), "by_kind": by_kind}


def _share(wrong: NDArray[np.bool_]) -> float | None:
    return float(wrong.mean()) if len(wrong) else None


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    for name in ("photos", "backgrounds", "animals", "drawings"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=FaceCheckRecipe().steps)
    parser.add_argument("--share", type=float, default=1.0)
    arguments = parser.parse_args()
    output: Path = arguments.output
    base = load_detector(DETECTOR)

    def photos(name: str) -> FrameSet:
        return prepare_photos(getattr(arguments, name), output / name)

    sources = Sources(
        prepare_frames(read_faces(arguments.data), base, arguments.data, output / "frames"),
        photos("photos"),
        photos("backgrounds"),
        photos("animals"),
        photos("drawings"),
    )
    recipe = FaceCheckRecipe(steps=arguments.steps, share=arguments.share)
    train_face_check(sources, output, recipe)


if __name__ == "__main__":
    main()
