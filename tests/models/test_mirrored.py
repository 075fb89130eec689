from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.models.tiny import LABELS

from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import load_network
from steadyface.models.face_network import FaceNetwork, NetworkOutput
from steadyface.models.mirrored import MirroredNetwork
from steadyface.types import RGBImage


class LeftCorner:
    """Says of a crop what its first pixel is."""

    model_id = "corner"

    def __init__(self, *, heads: bool = True) -> None:
        self.heads = heads

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        values = np.array([crop[0, 0] for crop in crops]).astype(np.float32) / np.float32(255)
        unit = values / np.linalg.norm(values, axis=1, keepdims=True)
        if not self.heads:
            return NetworkOutput(unit, None)
        return NetworkOutput(unit, values[:, 0], values[:, 1], values, LABELS, values[:, 2])


def crop_with(left: tuple[int, int, int], right: tuple[int, int, int]) -> RGBImage:
    crop = np.zeros((112, 112, 3), dtype=np.uint8)
    crop[:, :56], crop[:, 56:] = left, right
    return crop


CROPS = [crop_with((255, 0, 0), (0, 255, 0)), crop_with((0, 0, 51), (0, 0, 255))]


def test_answers_are_means_over_a_crop_and_its_mirror_image() -> None:
    output = MirroredNetwork(LeftCorner()).run(CROPS)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(output.embeddings, [[half, half, 0], [0, 0, 1]], atol=1e-6)
    assert output.embeddings.dtype == np.float32
    assert output.p_female is not None
    assert output.quality is not None
    assert output.strength is not None
    np.testing.assert_allclose(output.p_female, [0.5, 0], atol=1e-6)
    np.testing.assert_allclose(output.quality, [0.5, 0], atol=1e-6)
    np.testing.assert_allclose(output.strength, [0, 0.6], atol=1e-6)
    assert output.distortion is not None
    np.testing.assert_allclose(output.distortion, [[0.5, 0.5, 0], [0, 0, 0.6]], atol=1e-6)
    assert output.distortion_labels == LABELS


def test_a_face_and_its_mirror_image_get_the_same_answer() -> None:
    network = MirroredNetwork(LeftCorner())
    turned = [np.ascontiguousarray(crop[:, ::-1]) for crop in CROPS]
    np.testing.assert_allclose(
        network.run(CROPS).embeddings, network.run(turned).embeddings, atol=1e-6
    )


def test_heads_that_the_network_does_not_have_stay_none() -> None:
    network = MirroredNetwork(LeftCorner(heads=False))
    output = network.run(CROPS)
    assert network.model_id == "corner"
    assert (output.p_female, output.quality, output.distortion, output.strength) == (None,) * 4


def test_the_catalog_says_which_networks_are_mirrored() -> None:
    catalog = load_catalog()
    for mirrored, kind in ((True, MirroredNetwork), (False, FaceNetwork)):
        entry = replace(catalog.default("face-network"), mirrored=mirrored)
        network = load_network(entry.id, catalog=replace(catalog, models=(entry,)))
        assert type(network) is kind


def test_mirrored_is_true_or_false() -> None:
    entry = load_catalog().default("face-network")
    with pytest.raises(ValueError, match=r"mirrored 'yes' of model .*: give true or false"):
        replace(entry, mirrored="yes")  # type: ignore[arg-type]
