"""The fitting on features made up for the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from steadyface.errors import UsageError
from steadyface.evaluation.table import Table
from steadyface.training.gender.balance import example_weights
from steadyface.training.gender.fit import Epoch, Fit
from steadyface.training.gender.folders import Example
from steadyface.training.gender.recipe import GenderRecipe
from steadyface.training.gender.sources import Features
from steadyface.training.gender.team import Team

RECIPE = GenderRecipe(epochs=4, batch=8, rate=0.05, smoothing=0.05, balance="loss")


def features(count: int, seed: int, ways: int = 2) -> tuple[Features, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    female = rng.random(count) < 0.3
    table = rng.standard_normal((ways, count, 6)).astype(np.float32)
    table[..., 0] += np.where(female, 1.0, -1.0)
    return Features(torch.from_numpy(table)), female


def fit(
    folder: Path,
    recipe: GenderRecipe = RECIPE,
    *,
    seconds: float = 1e9,
    key: str = "these",
    seen: list[Epoch] | None = None,
) -> Fit:
    folder.mkdir(exist_ok=True)
    kept: list[Epoch] = [] if seen is None else seen
    torch.manual_seed(0)
    module = nn.Linear(6, 2)
    (train, women), (val, others) = features(50, 1), features(40, 2, ways=1)
    weights = np.where(women, 2.0, 0.5)
    return Fit(
        module,
        train,
        val,
        female=(women, others),
        weights=weights / weights.mean(),
        recipe=recipe,
        folder=folder,
        key=key,
        groups=[{"params": list(module.parameters())}],
        report=kept.append,
        member=Team(),
        checkpoint_seconds=seconds,
    )


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("after", [1, 6, 7, 8, 20, 27])
def test_killed_anywhere_it_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Epochs have 7 steps: in the middle of one, at its end, and in the next."""
    whole = fit(tmp_path / "whole")
    expected = whole.run()
    killed = fit(tmp_path / "killed", seconds=0)
    step, done = killed._step, 0

    def die(joined: nn.Module, samples: Tensor, indices: Tensor) -> None:
        nonlocal done
        if done == after:
            raise KilledError
        done += 1
        step(joined, samples, indices)

    monkeypatch.setattr(killed, "_step", die)
    with pytest.raises(KilledError):
        killed.run()
    resumed = fit(tmp_path / "killed")
    assert resumed.state.epoch * 7 + resumed.state.step == after
    state = resumed.run()
    assert state.history == expected.history
    assert state.best_epoch == expected.best_epoch
    assert all(torch.equal(state.best[name], expected.best[name]) for name in expected.best)


def test_it_learns_and_reports_every_epoch(tmp_path: Path) -> None:
    seen: list[Epoch] = []
    state = fit(tmp_path, seen=seen).run()
    assert seen == state.history
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4]
    assert seen[-1].val_accuracy > 0.75
    assert seen[-1].train_loss < seen[0].train_loss


def test_the_best_epoch_is_kept_and_not_the_last(tmp_path: Path) -> None:
    run = fit(tmp_path, replace(RECIPE, epochs=12, rate=1.5))
    state = run.run()
    ranked = max(state.history, key=lambda e: (e.val_accuracy, -e.val_loss, -e.number))
    assert state.best_epoch == ranked.number < 12
    assert run._measured() == pytest.approx((ranked.val_loss, ranked.val_accuracy), abs=1e-6)


def test_patience_ends_it(tmp_path: Path) -> None:
    state = fit(tmp_path, replace(RECIPE, epochs=40, rate=1.5, patience=3)).run()
    assert state.epoch == state.best_epoch + 3 < 40


def test_another_recipe_or_other_images_are_refused(tmp_path: Path) -> None:
    fit(tmp_path).run()
    for recipe, key in ((replace(RECIPE, rate=0.1), "these"), (RECIPE, "others")):
        with pytest.raises(UsageError) as caught:
            fit(tmp_path, recipe, key=key)
        assert str(caught.value) == (
            f"{tmp_path}: holds a run of another recipe or of other images; give the same to go "
            "on, or another folder"
        )


def test_sampling_draws_by_weight(tmp_path: Path) -> None:
    run = fit(tmp_path, replace(RECIPE, balance="sampling"))
    _, women = features(50, 1)
    drawn = [index for epoch in range(200) for index in run._order(epoch)]
    share = women[np.array(drawn)].mean()
    wanted = 2.0 * women.sum() / (2.0 * women.sum() + 0.5 * (~women).sum())
    assert share == pytest.approx(wanted, abs=0.02)
    plain = fit(tmp_path, replace(RECIPE, balance="none"))
    assert sorted(plain._order(3)) == list(range(50))
    assert plain._order(3) == plain._order(3) != plain._order(4)


def test_loss_weights_shift_the_decision(tmp_path: Path) -> None:
    recalls = []
    for name, balance in (("plain", "none"), ("even", "loss")):
        run = fit(tmp_path / name, replace(RECIPE, balance=balance))  # type: ignore[arg-type]
        run.run()
        source, women = features(50, 1)
        rows = torch.stack([source.dataset(0, range(50))[i][0] for i in range(50)])
        with torch.no_grad():
            said = run._module(rows).argmax(1).numpy() == 0
        recalls.append(said[women].mean())
    assert recalls[1] > recalls[0]


def test_ways_of_showing_repeat() -> None:
    source, _ = features(4, 0, ways=3)
    first, fourth, second = (source.dataset(epoch, [2])[0][0] for epoch in (0, 3, 1))
    assert torch.equal(first, fourth)
    assert not torch.equal(first, second)


# --- weights --------------------------------------------------------------------------------------


def examples() -> list[Example]:
    cells = [(True, "old")] * 1 + [(True, "young")] * 3 + [(False, "old")] * 4
    return [Example(Path(f"{i}.png"), f, None, (g,)) for i, (f, g) in enumerate(cells)]


def test_every_class_weighs_the_same_or_every_class_of_every_group() -> None:
    table = Table(("age",))
    by_class = example_weights(examples(), replace(RECIPE, balance="loss"), table)
    assert by_class[:4].sum() == pytest.approx(by_class[4:].sum())
    recipe = replace(RECIPE, balance="loss", balance_group="age")
    by_group = example_weights(examples(), recipe, table)
    assert by_group[:1].sum() == pytest.approx(by_group[1:4].sum())
    assert by_group[:1].sum() == pytest.approx(by_group[4:].sum())
    assert by_group.mean() == pytest.approx(1)
    assert example_weights(examples(), replace(RECIPE, balance="none"), table).tolist() == [1] * 8


def test_a_group_that_is_not_in_the_table_is_named() -> None:
    recipe = replace(RECIPE, balance="loss", balance_group="race")
    with pytest.raises(UsageError) as caught:
        example_weights(examples(), recipe, Table(("age",)))
    assert str(caught.value) == "balance_group 'race' is none of the columns of groups: age"
