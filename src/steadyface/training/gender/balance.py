"""Weights that even out classes, and groups together with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import UsageError
from steadyface.evaluation.table import Table
from steadyface.training.gender.folders import Example
from steadyface.training.gender.recipe import GenderRecipe


def example_weights(
    examples: Sequence[Example], recipe: GenderRecipe, table: Table
) -> NDArray[np.float64]:
    """N weights of mean 1: every class, or every class of every group, weighs the same.

    Raises:
        UsageError: the table has no such column of groups.
    """
    if recipe.balance == "none":
        return np.ones(len(examples))
    cells: list[object] = [example.female for example in examples]
    if recipe.balance_group:
        if recipe.balance_group not in table.columns:
            raise UsageError(
                f"balance_group {recipe.balance_group!r} is none of the columns of groups: "
                f"{', '.join(table.columns) or 'there are none; give --table and --group'}"
            )
        column = table.columns.index(recipe.balance_group)
        cells = [(example.female, example.groups[column]) for example in examples]
    counts = Counter(cells)
    weights = np.array([1 / counts[cell] for cell in cells])
    return np.asarray(weights / weights.mean())
