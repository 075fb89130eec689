"""The fitting: epochs, the best of them kept, checkpoints, and going on from where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader
from tqdm import tqdm

from steadyface.errors import UsageError
from steadyface.training.gender.recipe import GenderRecipe
from steadyface.training.gender.sources import Source
from steadyface.training.gender.team import Team, device_of

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Epoch:
    """How an epoch went; accuracies 0..1.

    Attributes:
        number: from 1.
        train_loss: mean over what was shown.
        train_accuracy: likewise, while it was learnt.
        val_loss: on the images that choose the epoch.
        val_accuracy: likewise.
    """

    number: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float


@dataclass(slots=True)
class State:
    """What a run has come to.

    Attributes:
        epoch: epochs done.
        step: steps of the next epoch that are done.
        sums: of that epoch so far: loss, right answers, samples.
        history: of the epochs done.
        best: the best epoch's weights; empty before the first.
        best_epoch: its number, 0 before the first.
    """

    epoch: int = 0
    step: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))
    history: list[Epoch] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = 0


class Fit:
    """Fits a module on a source; stopped at any moment, the same call goes on.

    Args:
        module: samples in, N x 2 logits out. What of it needs gradients is fitted; the module
            stays in evaluation mode, so norms and dropout of a backbone stay as they are.
        train: what it is fitted on.
        val: what chooses the epoch.
        female: labels of both.
        weights: of the training samples, of mean 1.
        recipe: how.
        folder: where the checkpoint is kept.
        key: what the checkpoint belongs to beside the recipe.
        groups: parameter groups of the optimiser.
        report: called after every epoch.
        member: this process among others.
        checkpoint_seconds: at most this much work is lost.
    """

    def __init__(
        self,
        module: nn.Module,
        train: Source,
        val: Source,
        *,
        female: tuple[NDArray[np.bool_], NDArray[np.bool_]],
        weights: NDArray[np.float64],
        recipe: GenderRecipe,
        folder: Path,
        key: str,
        groups: list[dict[str, Any]],
        report: Callable[[Epoch], None],
        member: Team,
        checkpoint_seconds: float = 60.0,
    ) -> None:
        self._device = device_of(member)
        self._module = module.to(self._device).eval()
        self._train, self._val, self._recipe = train, val, recipe
        # Class 0 is female, as folders in alphabetical order are.
        self._labels = [torch.from_numpy(np.where(f, 0, 1)).to(self._device) for f in female]
        self._weights = weights
        self._sample_weights = torch.from_numpy(weights.astype(np.float32)).to(self._device)
        self._file, self._key = folder / CHECKPOINT, key
        self._optimiser = torch.optim.Adam(groups, lr=recipe.rate)
        self._report, self._member, self._every = report, member, checkpoint_seconds
        self._saved = time.monotonic()
        self.state = State()
        if self._file.is_file():
            self._load()

    def run(self) -> State:
        """Fit to the end, and give the module its best epoch's weights.

        Returns:
            The state, with the history.
        """
        joined = self._member.joined(self._module)
        while self.state.epoch < self._recipe.epochs and not self._tired():
            self._one_epoch(joined)
        self._module.load_state_dict(self.state.best)
        return self.state

    def _tired(self) -> bool:
        since = self.state.epoch - self.state.best_epoch
        return bool(self._recipe.patience and since >= self._recipe.patience)

    def _one_epoch(self, joined: nn.Module) -> None:
        state, size = self.state, self._recipe.batch
        order = self._order(state.epoch)
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        mine = [index for batch in batches[state.step :] for index in self._member.share(batch)]
        shared = [len(self._member.share(batch)) for batch in batches[state.step :]]
        data = self._train.dataset(state.epoch, mine)
        loader = DataLoader(
            data, batch_sampler=_consecutive(shared), num_workers=self._recipe.workers
        )
        name = f"epoch {state.epoch + 1}/{self._recipe.epochs}"
        quiet = None if self._member.leads else True
        for samples, indices in tqdm(loader, desc=name, unit="step", disable=quiet, leave=False):
            self._step(joined, samples, indices.to(self._device))
            state.step += 1
            if self._member.agreed(time.monotonic() - self._saved > self._every):
                self._save()
        self._end_epoch()

    def _step(self, joined: nn.Module, samples: Tensor, indices: Tensor) -> None:
        labels = self._labels[0][indices]
        logits = self._logits(joined, self._train, samples)
        loss = F.cross_entropy(
            logits, labels, reduction="none", label_smoothing=self._recipe.smoothing
        )
        if self._recipe.balance == "loss":
            loss = loss * self._sample_weights[indices]
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.mean())
        self._optimiser.step()
        right = (logits.detach().argmax(1) == labels).sum()
        self.state.sums += torch.tensor(
            [float(loss.detach().sum()), float(right), len(labels)]
        ).double()

    def _logits(self, module: nn.Module, source: Source, samples: Tensor) -> Tensor:
        batch = source.ready(samples.to(self._device))
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._recipe.mixed):
            logits: Tensor = module(batch)
        return logits.float()

    def _order(self, epoch: int) -> list[int]:
        """Every sample once, or as many drawn by their weights; the same on every process."""
        rng = np.random.default_rng((self._recipe.seed, epoch))
        count = len(self._train)
        if self._recipe.balance == "sampling":
            drawn = rng.choice(count, count, p=self._weights / self._weights.sum())
            return [int(index) for index in drawn]
        return [int(index) for index in rng.permutation(count)]

    def _end_epoch(self) -> None:
        state = self.state
        loss, right, count = self._member.total(state.sums.clone()).tolist()
        val_loss, val_accuracy = self._measured()
        done = Epoch(state.epoch + 1, loss / count, right / count, val_loss, val_accuracy)
        state.history.append(done)
        best = state.history[state.best_epoch - 1] if state.best_epoch else None
        # Accuracies of few images tie often; then the surer epoch is better.
        if best is None or (done.val_accuracy, -done.val_loss) > (
            best.val_accuracy,
            -best.val_loss,
        ):
            state.best = {k: v.detach().clone() for k, v in self._module.state_dict().items()}
            state.best_epoch = done.number
        state.epoch, state.step, state.sums = done.number, 0, torch.zeros(3, dtype=torch.float64)
        self._save()
        if self._member.leads:
            self._report(done)

    def _measured(self) -> tuple[float, float]:
        """Loss and accuracy on the images that choose the epoch."""
        total = torch.zeros(2, dtype=torch.float64)
        data = self._val.dataset(0, range(len(self._val)))
        for samples, indices in DataLoader(data, max(self._recipe.batch, 64)):
            labels = self._labels[1][indices.to(self._device)]
            with torch.no_grad():
                logits = self._logits(self._module, self._val, samples)
            loss = F.cross_entropy(logits, labels, reduction="sum")
            total += torch.tensor([float(loss), float((logits.argmax(1) == labels).sum())]).double()
        loss_mean, accuracy = (total / len(self._val)).tolist()
        return loss_mean, accuracy

    def _save(self) -> None:
        self._saved = time.monotonic()
        sums = self._member.total(self.state.sums.clone())
        if self._member.leads:
            part = self._file.with_suffix(".part")
            stored = {
                "recipe": asdict(self._recipe),
                "key": self._key,
                "module": self._module.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "epoch": self.state.epoch,
                "step": self.state.step,
                "sums": sums,
                "history": [asdict(epoch) for epoch in self.state.history],
                "best": self.state.best,
                "best_epoch": self.state.best_epoch,
            }
            torch.save(stored, part)
            part.replace(self._file)
        self._member.wait()

    def _load(self) -> None:
        stored = torch.load(self._file, map_location=self._device, weights_only=True)
        if stored["recipe"] != asdict(self._recipe) or stored["key"] != self._key:
            raise UsageError(
                f"{self._file.parent}: holds a run of another recipe or of other images; give "
                "the same to go on, or another folder"
            )
        self._module.load_state_dict(stored["module"])
        self._optimiser.load_state_dict(stored["optimiser"])
        sums = stored["sums"].cpu()
        self.state = State(
            stored["epoch"],
            stored["step"],
            # Sums of the team are summed again: one process carries them on.
            sums if self._member.leads else torch.zeros_like(sums),
            [Epoch(**epoch) for epoch in stored["history"]],
            stored["best"],
            stored["best_epoch"],
        )


def _consecutive(sizes: list[int]) -> list[list[int]]:
    """Positions 0, 1, 2, ... in batches of these sizes."""
    ends = np.cumsum(sizes).tolist()
    return [list(range(end - size, end)) for end, size in zip(ends, sizes, strict=True)]
