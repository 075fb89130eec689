from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import models

from steadyface.errors import ModelDownloadError, ModelError, UnknownModelError
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import load_network
from steadyface.training.gender.backbones import build, stages
from steadyface.training.gender.recipe import default_recipe
from steadyface.training.shipped import shipped_student


@pytest.mark.parametrize(
    ("name", "size", "last"),
    [
        ("resnet18", 224, "layer4"),
        ("mobilenet_v3_small", 224, "features.12"),
        ("vit_b_32", 224, "encoder.layers.encoder_layer_11"),
        ("efficientnet_b0", 224, "features.8"),
    ],
)
def test_torchvision_backbones_get_a_head_for_two_classes(name: str, size: int, last: str) -> None:
    recipe = replace(default_recipe(name), weights="none", unfreeze=2)
    built = build(recipe)
    assert (built.framing.size, built.framing.zoom) == (size, None)
    with torch.no_grad():
        logits = built.classifier.eval()(torch.zeros(2, 3, size, size))
    assert logits.shape == (2, 2)
    names = [stage for stage, _ in stages(built.classifier.trunk)]
    assert last in names
    assert built.trained_stages == tuple(names[-2:])
    trained = {n for n, p in built.classifier.named_parameters() if p.requires_grad}
    inside = tuple(f"trunk.{stage}." for stage in built.trained_stages)
    assert {n for n in trained if not n.startswith(inside)} == {"head.weight", "head.bias"}
    assert len(trained) > 2


def test_a_frozen_backbone_trains_its_head_alone() -> None:
    built = build(replace(default_recipe("resnet18"), weights="none"))
    trained = {n for n, p in built.classifier.named_parameters() if p.requires_grad}
    assert trained == {"head.weight", "head.bias"}
    assert built.trained_stages == ()


def test_input_is_normalised_as_torchvision_does() -> None:
    built = build(replace(default_recipe("resnet18"), weights="none"))
    transforms = models.ResNet18_Weights.DEFAULT.transforms()
    for place in range(3):
        mean, scale = built.preprocessing.mean[place], built.preprocessing.scale[place]
        assert mean == pytest.approx(255 * transforms.mean[place])
        assert scale == pytest.approx(1 / (255 * transforms.std[place]))


def test_the_own_backbone_gives_the_features_of_the_shipped_network() -> None:
    built = build(default_recipe("steadyface"))
    student = shipped_student(load_catalog().default("face-network").id)
    pixels = torch.rand(3, 3, 112, 112) * 255
    with torch.no_grad():
        _, pooled = student.trunk(pixels)
        features = built.classifier.trunk.eval()(pixels)
    torch.testing.assert_close(features, pooled * 12)
    assert 0.1 < float(features.std()) < 10


def test_the_shipped_network_is_read_back() -> None:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    model_id = load_catalog().default("face-network").id
    network = load_network(model_id)
    plain = getattr(network, "_network", network)
    with torch.no_grad():
        embedding, heads = shipped_student(model_id)(
            torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32))
        )
    output = plain.run(list(crops))
    np.testing.assert_allclose(output.embeddings, embedding.numpy(), atol=1e-4)
    assert output.p_female is not None
    np.testing.assert_allclose(output.p_female, torch.sigmoid(heads[:, 0]).numpy(), atol=1e-4)


def test_unknown_backbones_are_named() -> None:
    with pytest.raises(UnknownModelError, match="no backbone 'resnet51'; give steadyface or one "):
        build(default_recipe("resnet51"))
    with pytest.raises(UnknownModelError, match="backbone squeezenet1_1 has no last fully"):
        build(replace(default_recipe("squeezenet1_1"), weights="none"))


def test_weights_that_cannot_be_downloaded_say_the_ways_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("torch.hub.get_dir", lambda: "/nonexistent/steadyface-test")
    monkeypatch.setattr("torch.hub.os.makedirs", lambda *_, **__: None)
    with pytest.raises(ModelDownloadError) as caught:
        build(default_recipe("resnet18"))
    text = str(caught.value)
    assert text.startswith("the pretrained weights of resnet18 (https://")
    assert text.endswith(
        "cannot be had (<urlopen error no network>); give a file with --weights FILE, or train "
        "without with --weights none; --backbone steadyface needs none"
    )


def test_weights_from_a_file_are_taken(tmp_path: Path) -> None:
    torch.manual_seed(5)
    network = models.resnet18()
    torch.save(network.state_dict(), tmp_path / "mine.pth")
    built = build(replace(default_recipe("resnet18"), weights=str(tmp_path / "mine.pth")))
    weight = built.classifier.trunk.get_submodule("layer1.0.conv1").weight
    assert isinstance(weight, torch.Tensor)
    assert torch.equal(weight, network.layer1[0].conv1.weight)


@pytest.mark.parametrize("content", [None, b"", b"nothing", "other"])
def test_a_file_of_other_weights_is_refused(tmp_path: Path, content: bytes | str | None) -> None:
    file = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(models.resnet34().state_dict(), file)
    with pytest.raises(ModelError, match=r"weights\.pth: does not hold the weights of resnet18"):
        build(replace(default_recipe("resnet18"), weights=str(file)))
