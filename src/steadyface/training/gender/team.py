"""Several processes that train together, started by torch's launcher (`torchrun`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Team:
    """One process among others.

    Attributes:
        rank: its number; 0 writes files.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of a batch."""
        return items[self.rank :: self.size]

    def joined(self, module: nn.Module) -> nn.Module:
        """A module whose gradients are the team's mean."""
        return nn.parallel.DistributedDataParallel(module) if self.size > 1 else module

    def total(self, values: Tensor) -> Tensor:
        """Sums over the team."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def agreed(self, wish: bool) -> bool:
        """What process 0 wishes, on all of them."""
        if self.size == 1:
            return wish
        said = torch.tensor([float(wish)])
        distributed.broadcast(said, src=0)
        return bool(said.item())

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def team() -> Iterator[Team]:
    """The team that torch's launcher made of this process, or this process alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Team(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()


def device_of(member: Team) -> torch.device:
    """Where this process computes: a GPU of its own where there is one."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", member.rank % torch.cuda.device_count())
