from __future__ import annotations

import threading
from typing import Any, cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.models.tiny import LABELS, PLAIN, heads

from steadyface.errors import ModelError
from steadyface.imaging.geometry import align
from steadyface.models.catalog import Preprocessing, load_catalog
from steadyface.models.face_network import AT_ONCE, FaceNetwork, NetworkOutput
from steadyface.models.session import OnnxSession
from steadyface.models.store import default_store
from steadyface.models.yunet import YuNetDetector
from steadyface.types import RGBImage

EVERY_HEAD = ("p_female", "quality", "distortion", "strength")


class FakeSession:
    """Gives fixed outputs and records its input."""

    def __init__(self, **outputs: NDArray[Any]) -> None:
        self.outputs = outputs
        self.batch: NDArray[Any] | None = None

    def run(self, batch: NDArray[Any]) -> dict[str, NDArray[Any]]:
        self.batch = batch
        return self.outputs


def network_of(session: FakeSession) -> FaceNetwork:
    recipe = Preprocessing("BGR", (1, 1, 1), (2, 2, 2))
    return FaceNetwork(cast(OnnxSession, session), recipe, model_id="fake")


CROP = np.full((112, 112, 3), (10, 20, 30), dtype=np.uint8)


def test_embeddings_have_length_one_and_heads_pass_through() -> None:
    p_female = np.array([0.2, 0.7], dtype=np.float32)
    session = FakeSession(embedding=np.array([[3.0, 4.0], [0.0, -2.0]]), p_female=p_female)
    output = network_of(session).run([CROP, CROP])
    assert output.embeddings.dtype == np.float32
    np.testing.assert_allclose(output.embeddings, [[0.6, 0.8], [0.0, -1.0]], rtol=1e-6)
    assert output.p_female is not None
    assert output.p_female.tolist() == p_female.tolist()
    assert session.batch is not None
    assert session.batch.shape == (2, 3, 112, 112)
    assert session.batch[0, :, 0, 0].tolist() == [58, 38, 18]


def test_every_head_is_read_from_the_graph() -> None:
    session = OnnxSession(heads(*EVERY_HEAD))
    network = FaceNetwork(session, PLAIN, model_id="tiny", distortions=LABELS)
    colours = np.array([[64, 128, 192], [192, 64, 0]], dtype=np.uint8)
    output = network.run([np.full((112, 112, 3), colour, dtype=np.uint8) for colour in colours])
    shares = colours / 256
    for values, channel in ((output.p_female, 0), (output.quality, 1), (output.strength, 2)):
        assert values is not None
        assert values.shape == (2,)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, shares[:, channel], atol=1e-6)
    assert output.distortion is not None
    assert output.distortion.shape == (2, 3)
    assert output.distortion.dtype == np.float32
    expected = np.exp(shares) / np.exp(shares).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(output.distortion, expected, atol=1e-6)
    assert output.distortion_labels == LABELS


@pytest.mark.parametrize("missing", [*EVERY_HEAD, "all"])
def test_heads_that_a_network_does_not_have_are_none(missing: str) -> None:
    there = {head for head in EVERY_HEAD if missing not in (head, "all")}
    labels = LABELS if "distortion" in there else ()
    session = OnnxSession(heads(*there))
    output = FaceNetwork(session, PLAIN, model_id="tiny", distortions=labels).run([CROP])
    assert {head for head in EVERY_HEAD if getattr(output, head) is not None} == there
    assert output.distortion_labels == labels


def test_many_crops_go_through_in_parts_and_come_back_in_order() -> None:
    network = FaceNetwork(
        OnnxSession(heads(*EVERY_HEAD)), PLAIN, model_id="tiny", distortions=LABELS
    )
    rng = np.random.default_rng(0)
    crops = list(rng.integers(0, 256, (2 * AT_ONCE + 3, 112, 112, 3), dtype=np.uint8))
    together, singly = network.run(crops), [network.run([crop]) for crop in crops]
    assert together.quality is not None and together.distortion is not None
    assert len(together.embeddings) == len(crops)
    for row, single in enumerate(singly):
        assert single.quality is not None and single.distortion is not None
        np.testing.assert_allclose(together.embeddings[row], single.embeddings[0], atol=1e-6)
        np.testing.assert_allclose(together.quality[row], single.quality[0], atol=1e-6)
        np.testing.assert_allclose(together.distortion[row], single.distortion[0], atol=1e-6)


def test_output_that_says_less_is_made_as_before() -> None:
    output = NetworkOutput(np.ones((1, 4), dtype=np.float32), None)
    assert (output.quality, output.distortion, output.strength) == (None, None, None)
    assert output.distortion_labels == ()


def mislabelled(output: str, labels: int) -> str:
    return (
        f"tiny has {output} output 'distortion' and the catalog gives {labels} labels of "
        "distortion; make its entry fit its graph"
    )


@pytest.mark.parametrize(
    ("there", "labels", "message"),
    [
        (("distortion",), (), mislabelled("an", 0)),
        (("p_female",), LABELS, mislabelled("no", 3)),
    ],
)
def test_labels_without_a_head_and_a_head_without_labels(
    there: tuple[str, ...], labels: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ModelError) as caught:
        FaceNetwork(OnnxSession(heads(*there)), PLAIN, model_id="tiny", distortions=labels)
    assert str(caught.value) == message


def test_as_many_labels_as_probabilities() -> None:
    session = OnnxSession(heads("distortion"))
    network = FaceNetwork(session, PLAIN, model_id="tiny", distortions=LABELS[:2])
    with pytest.raises(ModelError) as caught:
        network.run([CROP])
    assert str(caught.value) == mislabelled("a 1 x 3", 2)


def test_embedding_of_zeros_stays_finite() -> None:
    output = network_of(FakeSession(embedding=np.zeros((1, 4), dtype=np.float32))).run([CROP])
    assert output.embeddings.tolist() == [[0, 0, 0, 0]]


# --- the real network ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crops(photos: list[RGBImage], detector: YuNetDetector) -> list[RGBImage]:
    return [align(photo, detector.detect([photo], 0.5)[0][0].landmarks) for photo in photos]


@pytest.mark.models
def test_embeddings_are_those_of_opencvs_face_recognizer(
    crops: list[RGBImage], network: FaceNetwork
) -> None:
    catalog = load_catalog()
    weights = default_store().ensure(catalog.weight_file(catalog.model("sface-base").weights))
    theirs = cv2.FaceRecognizerSF.create(str(weights), "")
    ours = network.run(crops).embeddings
    for crop, embedding in zip(crops, ours, strict=True):
        bgr = np.ascontiguousarray(crop[..., ::-1])
        expected = np.asarray(theirs.feature(bgr)).ravel()
        assert embedding @ expected / np.linalg.norm(expected) > 0.9999


@pytest.mark.models
def test_batch_gives_what_one_by_one_gives(crops: list[RGBImage], network: FaceNetwork) -> None:
    together = network.run(crops)
    assert together.p_female is not None
    for index, crop in enumerate(crops):
        alone = network.run([crop])
        np.testing.assert_allclose(together.embeddings[index], alone.embeddings[0], atol=1e-5)
        assert alone.p_female is not None
        assert together.p_female[index] == pytest.approx(alone.p_female[0], abs=1e-5)


@pytest.mark.models
def test_outputs_are_in_range_for_any_crop(network: FaceNetwork) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    output = network.run([noise, np.zeros_like(noise), np.full_like(noise, 255)])
    assert output.embeddings.shape == (3, 128)
    np.testing.assert_allclose(np.linalg.norm(output.embeddings, axis=1), 1, rtol=1e-5)
    assert output.p_female is not None
    assert output.p_female.shape == (3,)
    assert ((output.p_female >= 0) & (output.p_female <= 1)).all()


@pytest.mark.models
def test_sample_identities_have_the_gender_of_their_folder(
    crops: list[RGBImage], network: FaceNetwork
) -> None:
    p_female = network.run(crops).p_female
    assert p_female is not None
    half = len(crops) // 2  # photos are sorted: the folder `female` comes before `male`
    assert (p_female[:half] > 0.5).all()
    assert (p_female[half:] < 0.5).all()


@pytest.mark.models
def test_threads_share_a_network(crops: list[RGBImage], network: FaceNetwork) -> None:
    expected = [network.run([crop]).embeddings for crop in crops[:4]]
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(3):
            if not np.allclose(network.run([crops[index]]).embeddings, expected[index], atol=1e-5):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
