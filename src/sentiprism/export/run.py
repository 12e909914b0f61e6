"""Predict with the exported model in this folder; onnxruntime, numpy and tokenizers are all that it needs.

python run.py "I really liked the ending."
python run.py "Well." --audio voice.npy --vision face.npy
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when onnxruntime is imported
import onnxruntime
from tokenizers import Tokenizer


class Runner:
    """An exported model: its folder, the file of its graph (by default config.json's), and threads (0 = all cores)."""

    def __init__(self, folder: Path | str, graph: str | None = None, threads: int = 0) -> None:
        self.config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        path, devices = Path(folder) / (graph or self.config["graph"]), onnxruntime.get_available_providers()
        self.session = onnxruntime.InferenceSession(path, options, providers=devices)
        words = Path(folder) / "tokenizer.json"
        self.tokenizer: Any = Tokenizer.from_file(str(words)) if words.is_file() else None

    def predict(self, utterances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Predict dicts of "text", "context" (earlier texts), "audio" and "vision" (T, F), or some of these."""
        kept = [self.read(one) for one in utterances]
        return [self.estimate(raw, one) for raw, one in zip(self.run(kept), kept, strict=True)]

    def run(self, kept: list[dict[str, Any]]) -> Any:
        """(N,) intensities or (N, C) logits of utterances from `read`."""
        return self.session.run(["prediction"], self.feeds(kept))[0]

    def feeds(self, kept: list[dict[str, Any]]) -> dict[str, Any]:
        """Arrays and masks, padded to the longest."""
        feeds = {}
        for name, spec in self.config["inputs"].items():
            rows = [one[name] for one in kept]
            mask = np.arange(max(1, *map(len, rows))) < np.array([len(row) for row in rows])[:, None]
            width, kind = ((), np.int64) if spec["kind"] == "tokens" else ((spec["width"],), np.float32)
            feeds[name], feeds[f"{name}_mask"] = np.zeros((*mask.shape, *width), kind), mask
            feeds[name][mask] = np.concatenate(rows) if mask.any() else 0
        return feeds

    def read(self, one: dict[str, Any]) -> dict[str, Any]:
        """Turn an utterance into an array for each input; words become token ids."""
        found: dict[str, Any] = {}
        for name, spec in self.config["inputs"].items():
            given = one.get(name)
            if spec["kind"] == "features":
                found[name] = np.asarray(np.zeros((0, spec["width"])) if given is None else given, np.float32)
                if found[name].ndim != 2 or found[name].shape[1] != spec["width"]:
                    raise ValueError(f"{name} has the shape {found[name].shape}, not (T, {spec['width']})")
            elif name == "text":
                ids = self.ids(given, special=True) if isinstance(given, str) else list(given or [])
                found[name] = ids if len(ids) <= spec["max_tokens"] else [*ids[: spec["max_tokens"] - 1], ids[-1]]
            else:  # a second segment, which keeps what was said last
                room = spec["max_tokens"] - len(found["text"]) - len(spec["before"]) - len(spec["after"])
                ids = self.ids(" ".join(filter(None, map(str.strip, given or []))), special=False)
                ids = ids[-room:] if found["text"] and room > 0 else []
                found[name] = [*spec["before"], *ids, *spec["after"]] if ids else []
        return found

    def ids(self, text: str, *, special: bool) -> list[int]:
        """Token ids of a text; a blank one has none."""
        return list(self.tokenizer.encode(text, add_special_tokens=special).ids) if text.strip() else []

    def estimate(self, raw: Any, one: dict[str, Any]) -> dict[str, Any]:
        """Turn a raw prediction into a value and its interval, or a class and a set of classes, where calibrated."""
        target, found = self.config["target"], self.config["calibration"]
        here = "+".join(name for name in ("text", "audio", "vision") if len(one.get(name, ())))
        found = found and found["by_modalities"].get(here, found)
        bound = np.inf if found and found["quantile"] is None else found and found["quantile"]
        if target["kind"] == "classes":
            shares = np.exp(raw - raw.max()) / np.exp(raw - raw.max()).sum()
            inside: Any = [] if found is None else np.flatnonzero((1 - shares <= bound) | (shares == shares.max()))
            estimate = {"value": target["classes"][int(raw.argmax())], "probabilities": shares.tolist()}
            return estimate | ({} if found is None else {"set": [target["classes"][i] for i in inside]})
        value, low, high = float(raw), target["low"], target["high"]
        ends = {"value": value}
        if found:
            half = bound * max(found["base"] + found["slope"] * abs(value - (low + high) / 2), found["floor"])
            ends |= {"low": value - half, "high": value + half}
        return {name: min(max(end, low), high) for name, end in ends.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predict the sentiment of one utterance.")
    parser.add_argument("text", nargs="?", help="its words")
    parser.add_argument("--audio", help="NumPy file (T, F) of its voice")
    parser.add_argument("--vision", help="NumPy file (T, F) of its face")
    told = parser.parse_args()
    utterance = {name: np.load(path) for name in ("audio", "vision") if (path := getattr(told, name))}
    print(json.dumps(Runner(Path(__file__).parent).predict([{"text": told.text, **utterance}])[0], indent=1))
