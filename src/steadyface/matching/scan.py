"""Products of coded probes with coded vectors, by ONNX Runtime's integer matrix product.

ONNX Runtime is here for its speed alone: with the vector instructions for bytes (VNNI) it takes a
quarter of the time of a float32 product, whose memory traffic is four times as much. The graph is
one `MatMulInteger` whose right side is an input, not a constant, so that an index may change.

Processors without VNNI add two products of an unsigned and a signed byte in 16 bits, which cut off
at 32767. So probes take only 7 of their 8 bits: 2 x 127 x 128 is 32512. Sums in 32 bits hold
130,000 dimensions. So all processors make the same products. A probe's zero is taken off here, not
by the operator's own zero point, with which ONNX Runtime leaves its faster way for a single probe.

Measured on two busy cores: a second thread, of ONNX Runtime's or of Python, saves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from steadyface.matching.codes import ZERO, Codes
from steadyface.matching.scores import UNIT_ROUNDOFF
from steadyface.types import FloatArray

_ERRORS_ONLY = 3
#: Shorter probes are coded as this long: so have those of zeros codes, too.
_TINY = 1e-20
#: Of the bounds, for their own roundings in float64.
_ROUNDED_UP = 1 + 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class CodedProbes:
    """P probes as the product takes them.

    Attributes:
        codes: P x D uint8, 1..127.
        steps: P float64, what one more in a code stands for.
        lengths: P float64, of what the codes stand for.
        residues: P float64, lengths of the differences of probes and codes.
    """

    codes: NDArray[np.uint8]
    steps: NDArray[np.float64]
    lengths: NDArray[np.float64]
    residues: NDArray[np.float64]

    @classmethod
    def of(cls, probes: FloatArray) -> CodedProbes:
        """Code P x D float32; what is not finite gets any code and no finite residue."""
        wide = probes.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            steps = np.maximum(np.abs(wide).max(axis=1), _TINY) / (ZERO - 1)
            whole = np.rint(wide / steps[:, None])
            codes = (whole + ZERO).astype(np.uint8)
            whole *= steps[:, None]
            wide -= whole
            return cls(codes, steps, _lengths(whole), _lengths(wide))

    def error(self, codes: Sequence[Codes]) -> NDArray[np.float64]:
        """How far `Scanner.products` with any of the codes, in float32, may be from exact ones.

        With a probe p = p' + e and a vector v = v' + r, of which the primed are coded, p v - p' v'
        = p' r + e v, at most |p'| |r| + |e| |v| (Cauchy and Schwarz). The product p' v' is that of
        whole numbers; that it becomes a float32, and what it is multiplied by and the product of
        both, are three roundings.

        Returns:
            P float64; not finite for a probe that is not.
        """
        residue = max(each.residue for each in codes)
        length = max(each.length for each in codes)
        rounded = 4 * UNIT_ROUNDOFF * (length + residue)
        return (self.lengths * (residue + rounded) + self.residues * length) * _ROUNDED_UP


class Scanner:
    """Holds the session, which is made on first use; any number of threads may scan."""

    def products(self, probes: CodedProbes, codes: Codes, used: int) -> NDArray[np.int32]:
        """P x used; times the steps of both within `CodedProbes.error` of probe times vector."""
        if not codes.dimension:
            return np.zeros((len(probes.codes), used), dtype=np.int32)
        feed = {"probes": probes.codes, "codes": codes.used(used)}
        found: NDArray[np.int32] = self._session.run(["products"], feed)[0]  # G x P x W
        rows = found.transpose(1, 0, 2).reshape(len(probes.codes), -1)[:, :used]
        rows -= codes.zeros[:used]
        return rows

    @cached_property
    def _session(self) -> ort.InferenceSession:
        # Two threads may both make one on the first search; either will do.
        options = ort.SessionOptions()
        # The calling thread alone: others would have to be waited for, and they spin between calls.
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ERRORS_ONLY
        graph = (resources.files("steadyface.matching") / "data" / "scan.onnx").read_bytes()
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _lengths(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.einsum("pd,pd->p", rows, rows)))
