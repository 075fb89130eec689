from __future__ import annotations

import numpy as np
import pytest
import torch

from steadyface.models.defaults import load_network
from steadyface.training.base_models import weights_of
from steadyface.training.sface_torch import SFace, load_sface
from steadyface.types import RGBImage

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def network() -> SFace:
    return load_sface(weights_of("sface-base"))


def crops(n: int) -> list[RGBImage]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (n, 112, 112, 3), dtype=np.uint8))


def as_tensor(images: list[RGBImage]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).astype(np.float32))


@pytest.mark.parametrize("training", [False, True])
def test_embeds_as_the_onnx_file_does(network: SFace, training: bool) -> None:
    images = crops(3)
    with torch.no_grad():
        embedding, pooled = network.train(training)(as_tensor(images))
    unit = torch.nn.functional.normalize(embedding).numpy()
    np.testing.assert_allclose(unit, load_network("sface-base").run(images).embeddings, atol=5e-6)
    assert pooled.shape == (3, 1024)


def test_every_weight_learns(network: SFace) -> None:
    embedding, _ = network.train()(as_tensor(crops(2)))
    torch.autograd.backward(embedding.square().sum())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    network.zero_grad(set_to_none=True)
