from __future__ import annotations

import numpy as np
import pytest
import torch

from steadyface.models.session import OnnxSession
from steadyface.training.base_models import weights_of
from steadyface.training.graphs import yunet_graph
from steadyface.training.yunet_torch import YuNet, in_file_order, load_yunet, named_outputs

pytestmark = pytest.mark.models


@pytest.fixture
def network() -> YuNet:
    return load_yunet(weights_of("yunet-base"))


def frames(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, height, width))
    return pixels.astype(np.float32)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(96, 160), (256, 256)])
def test_sees_what_the_onnx_file_sees(
    network: YuNet, size: tuple[int, int], training: bool
) -> None:
    weights = weights_of("yunet-base")
    graph = yunet_graph(weights).SerializeToString()
    expected = OnnxSession(graph, weights_folder=weights.resolve().parent).run(frames(*size))
    with torch.no_grad():
        outputs = named_outputs(network.train(training)(torch.from_numpy(frames(*size))))
    assert list(outputs) and set(outputs) == set(expected)
    for name, values in outputs.items():
        np.testing.assert_allclose(values.numpy(), expected[name], atol=1e-4, err_msg=name)


def test_every_weight_learns(network: YuNet) -> None:
    maps = network.train()(torch.from_numpy(frames(64, 64)))
    torch.autograd.backward(sum((m.square().mean() for m in maps), torch.zeros(())))
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_views_in_the_files_order_reach_every_weight_once(network: YuNet) -> None:
    views = in_file_order(network)
    for view in views:
        view.add_(1)
    changed = load_yunet(weights_of("yunet-base"))
    for (name, old), new in zip(changed.named_parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(old + 1, new, msg=name)
    assert sum(view.numel() for view in views) == sum(p.numel() for p in network.parameters())


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="no YuNet: shape") as caught:
        load_yunet(weights_of("sface-base"))
    assert str(caught.value).startswith("face_recognition_sface_2021dec.onnx: no YuNet: shape (")
