"""How much faster models are in eight bits, and what it costs: each exported, measured against torch in the same run.

    python benchmarks/int8.py MODEL... [--dataset NAME] [--quantize int8]

A model is a run folder, a folder of a seed or of a saved model, or ``starter``. Times are those of `sentiprism export`:
medians for one utterance alone and in batches of 32, by turns in torch, in ONNX and in ONNX with eight bits. Without
the dataset that a model was trained on, the utterances are made up, and the loss is not known.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sentiprism.export.export_model import export_model
from sentiprism.machine import machine


def main() -> None:
    """Export each model and print its line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--dataset", help="by default the model's own")
    parser.add_argument("--quantize", default="int8", help="as in `sentiprism export`")
    given = parser.parse_args()
    print(machine())
    for model in given.models:
        with TemporaryDirectory(prefix="int8.") as folder:
            out = Path(folder) / "exported"
            found = export_model(model, out, quantize=given.quantize, dataset=given.dataset, allow_loss=True)
        torch, single, small = found.rows
        print(f"{model}, {small.name}, {small.size / 1e6:.0f} MB of {torch.size / 1e6:.0f}")
        for name, times in (("alone", "single"), ("in batches", "batched")):
            seconds = [getattr(row, times) for row in (torch, single, small)]
            print(f"    {name}: {seconds[0] / seconds[2]:.2f} x torch, {seconds[1] / seconds[2]:.2f} x float32", end="")
            print(f", {1000 * seconds[2]:.2f} ms an utterance")
        print(f"    {found.metric}: torch {torch.score:.4f}, {small.name} {small.score:.4f}", end="")
        print(f", largest difference {small.difference:.3f}; {found.utterances} utterances of", end=" ")
        print(found.dataset or "made-up words")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
