"""Write the graph that a search of an index multiplies with, see `matching.scan`.

python -m steadyface.training.scan_graph src/steadyface/matching/data/scan.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
from onnx import TensorProto, helper

#: Of `MatMulInteger`; old, so that any ONNX Runtime reads it.
_OPSET = 10
_IR_VERSION = 5


def scan_graph() -> bytes:
    """P x D uint8 codes of probes times G x D x W int8 of vectors: G x P x W int32."""
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["probes", "codes"], ["products"])],
        "scan",
        [
            helper.make_tensor_value_info("probes", TensorProto.UINT8, ["P", "D"]),
            helper.make_tensor_value_info("codes", TensorProto.INT8, ["G", "D", "W"]),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, ["G", "P", "W"])],
    )
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def main() -> None:
    """Write it to the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.parse_args().file.write_bytes(scan_graph())


if __name__ == "__main__":
    main()
