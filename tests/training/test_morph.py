from __future__ import annotations

import numpy as np
from tests.training.test_embedder_run import small_faces

from steadyface.training.morph import morphed, partner


def test_a_made_face_lies_between_its_two() -> None:
    dark, bright = np.full((40, 40, 3), 20, np.uint8), np.full((40, 40, 3), 220, np.uint8)
    means, spreads = [], []
    for seed in range(60):
        made = morphed(dark, bright, np.random.default_rng(seed))
        assert made.shape == dark.shape
        assert made.dtype == np.uint8
        assert made.min() >= 20
        assert made.max() <= 220
        means.append(made.mean())
        spreads.append(made.std())
    # Blended as a whole, neither face prevails; in regions, each is seen somewhere.
    whole = [mean for mean, spread in zip(means, spreads, strict=True) if spread == 0]
    assert 15 < len(whole) < 45
    assert min(whole) >= 20 + 0.25 * 200 - 1
    assert max(whole) <= 20 + 0.75 * 200 + 1
    assert np.median([spread for spread in spreads if spread > 0]) > 30


def test_the_generator_alone_decides() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 256, (2, 30, 30, 3), dtype=np.uint8)
    made = [morphed(one, other, np.random.default_rng(7)) for _ in range(2)]
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], morphed(one, other, np.random.default_rng(8)))


def test_partners_are_others_of_the_same_label() -> None:
    faces = small_faces(30)
    rng = np.random.default_rng(0)
    pairs = [(face, partner(faces, face, rng)) for face in list(range(30)) * 10]
    same = [faces.female[face] == faces.female[other] for face, other in pairs]
    assert np.mean(same) > 0.9
    assert sum(face == other for face, other in pairs) < 10
    assert len({other for _, other in pairs}) == 30
