"""The default face network in static int8 beside itself in float32: agreement, accuracy, time.

    python -m benchmarks.quantized --data DATA

Quantised by ONNX Runtime (QDQ, weights by channel), calibrated on crops of CelebA, clean and
distorted. Measured on the first five folds of LFW's pairs, clean and with the second image resized
at severity 3. Prints ratios of times for the same crops, also beside `sface-base`, which has the
same layers as OpenCV gives them. Needs the extra `train`. Writes `results/quantized.json`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.results_file import ResultFile
from steadyface.distortions.suites import Condition
from steadyface.evaluation.layouts import CLEAN, read_pairs
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.models.catalog import load_catalog
from steadyface.models.defaults import load_finder, load_network
from steadyface.models.face_network import AT_ONCE, FaceNetwork, NetworkOutput
from steadyface.models.graphs import read_graph
from steadyface.models.mirrored import MirroredNetwork
from steadyface.models.session import OnnxSession
from steadyface.pipeline import Analyzer
from steadyface.training.features import Sample, load_sample, random_distortion
from steadyface.training.sources import read_celeba
from steadyface.types import RGBImage

FOLDS = 5
CALIBRATION_IMAGES = 400
CONDITIONS: tuple[Condition | None, ...] = (None, Condition("resized", 3.0))
ROUNDS = 5
#: The same layers with ONNX Runtime's own PRelu.
BASE = "sface-base"


class Recorder:
    """A network that keeps the crops it is shown."""

    model_id = "recorder"

    def __init__(self) -> None:
        self.crops: list[RGBImage] = []

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        """Answers of no meaning."""
        self.crops += list(crops)
        return NetworkOutput(np.ones((len(crops), 2), dtype=np.float32), None)


class Crops(CalibrationDataReader):  # type: ignore[misc]
    """Crops as the network's input, a batch at a time."""

    def __init__(self, crops: Sequence[RGBImage]) -> None:
        batches = [np.stack(crops[i : i + AT_ONCE]) for i in range(0, len(crops), AT_ONCE)]
        self._left: Iterator[NDArray[Any]] = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next batch, None after the last."""
        batch = next(self._left, None)
        if batch is None:
            return None
        return {"pixels": np.ascontiguousarray(batch.transpose(0, 3, 1, 2), dtype=np.float32)}


def main() -> None:
    """Quantise and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    catalog = load_catalog()
    entry = catalog.default("face-network")
    result = ResultFile(
        "quantized",
        "python -m benchmarks.quantized --data DATA",
        entry.id,
        {"format": "QDQ, uint8 activations, int8 weights by channel", "folds": FOLDS},
    )
    graph = read_graph(entry, catalog)
    seen = calibration_crops(data)
    quantised = int8(graph, seen)
    single = {
        name: FaceNetwork(
            OnnxSession(model, weights_folder=None),
            entry.preprocessing,
            model_id=name,
            distortions=entry.distortions,
        )
        for name, model in (("float32", graph), ("int8", quantised))
    }
    base = load_network(BASE)
    times = {name: seconds(network, seen[:64]) for name, network in single.items()}
    times |= {BASE: seconds(base, seen[:64])}
    networks = {name: MirroredNetwork(network) for name, network in single.items()}
    a, b = (network.run(seen).embeddings for network in networks.values())
    similar = np.einsum("ij,ij->i", a, b)
    figures = result.section("figures")
    figures |= {
        "bytes": {"float32": len(graph), "int8": len(quantised)},
        "time_of_int8_by_float32": round(times["int8"] / times["float32"], 3),
        "time_of_float32_by_base": round(times["float32"] / times[BASE], 3),
        "similarity": {"mean": float(similar.mean()), "least": float(similar.min())},
        "pairs": {name: pairs(data, network) for name, network in networks.items()},
    }
    result.save()
    for condition in figures["pairs"]["float32"]:
        row = {name: f"{100 * figures['pairs'][name][condition]:.2f}" for name in networks}
        print(f"{condition}: accuracy {row}")
    print(f"int8 takes {figures['time_of_int8_by_float32']} of float32's time")
    print(f"float32 takes {figures['time_of_float32_by_base']} of {BASE}'s time")


def calibration_crops(data: Path) -> list[RGBImage]:
    """Crops of CelebA, half of them distorted."""
    faces = list(read_celeba(data))[:CALIBRATION_IMAGES]
    samples = [
        random_distortion(f.path, 1) if i % 2 else Sample(f.path) for i, f in enumerate(faces)
    ]
    recorder = Recorder()
    analyzer = Analyzer(load_finder(), recorder, faces="central")
    for shown in analyzer.analyze_many(samples, load=load_sample, name=lambda s: str(s.path)):
        if shown.error is not None:
            raise shown.error
    return recorder.crops


def int8(graph: bytes, crops: Sequence[RGBImage]) -> bytes:
    """The graph, quantised."""
    with tempfile.TemporaryDirectory() as folder:
        first, ready, last = (Path(folder) / f"{n}.onnx" for n in ("first", "ready", "last"))
        onnx.save(onnx.load_from_string(graph), first)
        quant_pre_process(first, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            last,
            Crops(crops),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return last.read_bytes()


def seconds(network: FaceNetwork | MirroredNetwork, crops: Sequence[RGBImage]) -> float:
    """The shortest of some rounds."""
    network.run(crops[:AT_ONCE])
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        network.run(crops)
        times.append(time.perf_counter() - start)
    return min(times)


def pairs(data: Path, network: MirroredNetwork) -> dict[str, float]:
    """Accuracy on LFW's pairs by condition."""
    chosen = [p for p in read_pairs(data / "lfw" / "pairs.txt") if p.fold < FOLDS]
    evaluator = PairsEvaluator(
        Analyzer(load_finder(), network, faces="central"), chosen, data / "lfw" / "images"
    )
    return {
        CLEAN if condition is None else condition.kind: float(
            evaluator.evaluate(condition).summary()["accuracy"]
        )
        for condition in CONDITIONS
    }


if __name__ == "__main__":
    main()
