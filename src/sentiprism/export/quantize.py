"""Variants of an exported graph: optimised (O1 to O4) and with weights in eight bits."""

import logging
import platform
from pathlib import Path
from typing import NamedTuple

from sentiprism.errors import UserError

OPTIMIZED = ("O1", "O2", "O3", "O4")
"""Constants folded; nodes fused; also fused for the kind of processor of this machine; also in half precision."""


class Kind(NamedTuple):
    """How weights are kept in eight bits."""

    per_channel: bool
    """A scale for each column of a matrix instead of one for all."""
    reduce_range: bool
    """Seven bits: AVX2 adds pairs of products in 16 bits, which eight would overflow."""


QUANTIZED = {
    "qint8_avx2": Kind(per_channel=True, reduce_range=True),
    "qint8_avx512_vnni": Kind(per_channel=True, reduce_range=False),
    "qint8_arm64": Kind(per_channel=True, reduce_range=False),
}
"""Variants by the processor that they are for."""
INT8 = "int8"
"""The variant for the processor of this machine."""


def variant(name: str) -> str:
    """Name of a variant, with ``int8`` resolved for this machine.

    Raises:
        UserError: no variant has that name.
    """
    if name == INT8:
        return native()
    if name not in {*QUANTIZED, *OPTIMIZED}:
        raise UserError(f"no variant is called {name!r}", f"give {', '.join((INT8, *QUANTIZED, *OPTIMIZED))}")
    return name


def native() -> str:
    """The quantized variant for the processor of this machine; AVX2's where it is unknown, which runs on all."""
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return "qint8_arm64"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        flags = ""
    return "qint8_avx512_vnni" if "avx512_vnni" in flags else "qint8_avx2"


def write_variant(source: Path, name: str, target: Path) -> None:
    """Write a variant of a graph.

    Args:
        source: the graph in single precision.
        name: see `variant`.
        target: file of the variant.
    """
    if name in QUANTIZED:
        _quantize(source, QUANTIZED[name], target)
    elif name == "O4":
        _halve(source, target)
    else:
        _optimize(source, name, target)


def _quantize(source: Path, kind: Kind, target: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    del model.graph.value_info[:]  # the quantizer transposes weights, whose shapes are noted here
    logging.getLogger().addFilter(_is_no_advice)
    try:
        quantize_dynamic(model, target, weight_type=QuantType.QInt8, **kind._asdict())
    finally:
        logging.getLogger().removeFilter(_is_no_advice)


def _is_no_advice(record: logging.LogRecord) -> bool:
    """Whether a record is not the quantizer's advice to infer shapes first, which it then does itself."""
    return "pre-processing before quantization" not in record.getMessage()


def _halve(source: Path, target: Path) -> None:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def _optimize(source: Path, name: str, target: Path) -> None:
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = {
        "O1": levels.ORT_ENABLE_BASIC,
        "O2": levels.ORT_ENABLE_EXTENDED,
        "O3": levels.ORT_ENABLE_ALL,
    }[name]
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
