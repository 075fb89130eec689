"""The training loop: checkpoints, a log, and going on from where it stopped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from steadyface.errors import UsageError
from steadyface.training.crops import FaceSet
from steadyface.training.embedder import Batch, Labels, Student, losses, weighted
from steadyface.training.recipe import Recipe
from steadyface.training.shower import Shower


def rate_at(step: int, recipe: Recipe) -> float:
    """Learning rate: linear warm-up, then a half cosine to zero (Loshchilov and Hutter 2017)."""
    if step < recipe.warmup:
        return recipe.rate * (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.rate * 0.5 * (1 + math.cos(math.pi * progress))


class Run:
    """A training run that can be stopped at any moment and goes on from its last checkpoint.

    Args:
        student: the network, on its start.
        faces: what it is shown.
        labels: what is known of them.
        recipe: how.
        folder: where `checkpoint.pt` and `log.jsonl` are kept.
        checkpoint_seconds: at most this much work is lost.
    """

    def __init__(
        self,
        student: Student,
        faces: FaceSet,
        labels: Labels,
        recipe: Recipe,
        folder: Path,
        *,
        checkpoint_seconds: float = 180.0,
        compiled: bool = True,
    ) -> None:
        self._student, self._faces, self._labels = student, faces, labels
        self._recipe, self._folder = recipe, folder
        self._every = checkpoint_seconds
        self._average = {k: v.detach().clone() for k, v in student.state_dict().items()}
        self._optimiser = torch.optim.AdamW(
            student.parameters(), lr=recipe.rate, weight_decay=recipe.decay
        )
        self._step = 0
        self._forward: Any = torch.compile(student) if compiled else student
        folder.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.is_file():
            self._load()

    @property
    def _checkpoint(self) -> Path:
        return self._folder / "checkpoint.pt"

    def train(self) -> dict[str, Tensor]:
        """Run to the end; returns the averaged weights."""
        torch.manual_seed(self._recipe.seed)
        self._student.train().to(memory_format=torch.channels_last)
        saved = time.monotonic()
        for batch in self._with_progress(self._batches()):
            terms = self._advance(batch)
            if self._step % 20 == 0:
                self._log(terms)
            if time.monotonic() - saved > self._every:
                self._save()
                saved = time.monotonic()
        self._save()
        return self._average

    def _with_progress(self, batches: DataLoader[Any]) -> Iterable[list[Tensor]]:
        """Show a bar on a terminal."""
        steps = self._recipe.steps
        shown: Iterable[list[Tensor]] = tqdm(
            batches, total=steps, initial=self._step, unit="step", disable=None
        )
        return shown

    def _advance(self, batch: list[Tensor]) -> dict[str, float]:
        for group in self._optimiser.param_groups:
            group["lr"] = rate_at(self._step, self._recipe)
        rng = np.random.default_rng((self._recipe.seed, 1, self._step))
        bank = torch.from_numpy(rng.integers(0, len(self._faces), self._recipe.bank))
        pixels, face, label, strength = batch
        images = pixels.float().to(memory_format=torch.channels_last)
        terms = losses(
            self._forward, self._labels, Batch(images, face, label, strength), self._recipe, bank
        )
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(weighted(terms, self._recipe))
        nn.utils.clip_grad_norm_(self._student.parameters(), 5.0)
        self._optimiser.step()
        self._step += 1
        decay = min(self._recipe.averaging, self._step / (self._step + 10))
        with torch.no_grad():
            for key, value in self._student.state_dict().items():
                self._average[key].lerp_(value, 1 - decay)
        return {key: float(value.detach()) for key, value in terms.items()}

    def _batches(self) -> DataLoader[Any]:
        size = self._recipe.batch
        left = (self._recipe.steps - self._step) * size
        shower = Shower(self._faces, self._recipe, self._step * size, left)
        return DataLoader(
            shower,
            size,
            num_workers=self._recipe.workers,
            prefetch_factor=4 if self._recipe.workers else None,
        )

    def _log(self, terms: dict[str, float]) -> None:
        row = {
            "step": self._step,
            "rate": rate_at(self._step, self._recipe),
            "time": round(time.time(), 1),
        } | {key: round(value, 5) for key, value in terms.items()}
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")

    def _save(self) -> None:
        part = self._checkpoint.with_suffix(".part")
        torch.save(
            {
                "step": self._step,
                "student": self._student.state_dict(),
                "average": self._average,
                "optimiser": self._optimiser.state_dict(),
                "recipe": _plain(self._recipe),
            },
            part,
        )
        part.replace(self._checkpoint)

    def _load(self) -> None:
        stored = torch.load(self._checkpoint, weights_only=True)
        if stored["recipe"] != _plain(self._recipe):
            raise UsageError(
                f"{self._folder}: holds a run of another recipe; give its recipe to go on, or "
                "another folder"
            )
        self._student.load_state_dict(stored["student"])
        self._average = stored["average"]
        self._optimiser.load_state_dict(stored["optimiser"])
        self._step = stored["step"]


def _plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as values that a checkpoint may hold."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain
