"""The training loop: checkpoints, a log, and going on from where it stopped."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from steadyface.errors import UsageError

#: Name of the file in a run's folder that holds its state.
CHECKPOINT = "checkpoint.pt"
#: And of that to which a line is added every so many steps.
LOG = "log.jsonl"
_LOGGED_EVERY = 20
_LARGEST_GRADIENT = 5.0


class Schedule(Protocol):
    """What the loop needs of a recipe, which is a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def steps(self) -> int:
        """Optimiser steps."""

    @property
    def batch(self) -> int:
        """Samples a step."""

    @property
    def rate(self) -> float:
        """Peak learning rate, reached after `warmup` steps."""

    @property
    def warmup(self) -> int:
        """Steps."""

    @property
    def averaging(self) -> float:
        """Decay of the running average of weights, which is what a run gives."""

    @property
    def seed(self) -> int:
        """Of everything random."""

    @property
    def workers(self) -> int:
        """Processes that make samples; 0 makes them in the training process."""


RecipeT = TypeVar("RecipeT", bound=Schedule)


def rate_at(step: int, recipe: Schedule) -> float:
    """Learning rate: linear warm-up, then a half cosine to zero (Loshchilov and Hutter 2017)."""
    if step < recipe.warmup:
        return recipe.rate * (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.rate * 0.5 * (1 + math.cos(math.pi * progress))


class Loop(ABC, Generic[RecipeT]):
    """A training run that can be stopped at any moment and goes on from its last checkpoint.

    Args:
        network: what is trained, on its start.
        recipe: how.
        folder: where `checkpoint.pt` and `log.jsonl` are kept.
        optimiser: of the network's parameters; a group's `times`, 1 where not named, multiplies
            its rate.
        checkpoint_seconds: at most this much work is lost.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: RecipeT,
        folder: Path,
        *,
        optimiser: torch.optim.Optimizer,
        checkpoint_seconds: float = 180.0,
    ) -> None:
        self._network, self._recipe, self._folder = network, recipe, folder
        self._every = checkpoint_seconds
        self._average = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self._optimiser = optimiser
        self._step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.is_file():
            self._load()

    @abstractmethod
    def _samples(self, first: int, count: int) -> Dataset[Any]:
        """The samples numbered from `first`; the number alone decides what one is."""

    @abstractmethod
    def _terms(self, batch: list[Tensor]) -> tuple[Mapping[str, Tensor], Tensor]:
        """The terms of the loss for the log, and the loss; `self._step` is the step's number."""

    @property
    def _checkpoint(self) -> Path:
        return self._folder / CHECKPOINT

    def train(self) -> dict[str, Tensor]:
        """Run to the end; returns the averaged weights."""
        torch.manual_seed(self._recipe.seed)
        self._network.train().to(memory_format=torch.channels_last)
        saved = time.monotonic()
        for batch in self._with_progress(self._batches()):
            terms = self._advance(batch)
            if self._step % _LOGGED_EVERY == 0:
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
            group["lr"] = rate_at(self._step, self._recipe) * group.get("times", 1.0)
        terms, loss = self._terms(batch)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._network.parameters(), _LARGEST_GRADIENT)
        self._optimiser.step()
        self._step += 1
        decay = min(self._recipe.averaging, self._step / (self._step + 10))
        with torch.no_grad():
            for key, value in self._network.state_dict().items():
                self._average[key].lerp_(value, 1 - decay)
        return {key: float(value.detach()) for key, value in terms.items()}

    def _batches(self) -> DataLoader[Any]:
        size = self._recipe.batch
        left = (self._recipe.steps - self._step) * size
        return DataLoader(
            self._samples(self._step * size, left),
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
        with (self._folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")

    def _save(self) -> None:
        part = self._checkpoint.with_suffix(".part")
        torch.save(
            {
                "step": self._step,
                "student": self._network.state_dict(),
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
        self._network.load_state_dict(stored["student"])
        self._average = stored["average"]
        self._optimiser.load_state_dict(stored["optimiser"])
        self._step = stored["step"]


def finished_weights(run: Path) -> dict[str, Tensor]:
    """The averaged weights that a finished run gave.

    Args:
        run: its folder.

    Raises:
        UsageError: there is no run in the folder, or it is not finished.
    """
    file = run / CHECKPOINT
    if not file.is_file():
        raise UsageError(f"{run}: holds no run; give the folder of a finished one")
    stored = torch.load(file, weights_only=True)
    steps = stored["recipe"]["steps"]
    if stored["step"] < steps:
        raise UsageError(
            f"{run}: its run is at step {stored['step']} of {steps}; let it finish first"
        )
    average: dict[str, Tensor] = stored["average"]
    return average


def _plain(recipe: Schedule) -> dict[str, Any]:
    """The recipe as values that a checkpoint may hold."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain
