"""Predict with the exported model in this folder; onnxruntime, numpy and tokenizers are all that it needs.

python run.py "I really liked the ending." --audio voice.npy --vision face.npy
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
        self.config = json.loads(Path(folder, "config.json").read_text(encoding="utf-8"))
        options, words = onnxruntime.SessionOptions(), Path(folder, "tokenizer.json")
        options.intra_op_num_threads = threads
        path, devices = Path(folder, graph or self.config["graph"]), onnxruntime.get_available_providers()
        self.session = onnxruntime.InferenceSession(path, options, providers=devices)
        self.tokenizer: Any = Tokenizer.from_file(str(words)) if words.is_file() else None

    def predict(self, utterances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Predict dicts of "text", "context" (earlier texts), "audio" and "vision" (T, F), or some of these."""
        kept = [self.read(one) for one in utterances]
        return [self.estimate(raw, one) for raw, one in zip(self.run(kept), kept, strict=True)]

    def run(self, kept: list[dict[str, Any]]) -> Any:
        """(N,) intensities or (N, C) logits of utterances from `read`."""
        return self.session.run(["prediction"], self.feeds(kept))[0]

    def feeds(self, kept: list[dict[str, Any]]) -> dict[str, Any]:
        """Arrays of utterances from `read`, padded to the longest, and their masks."""
        feeds = {}
        for name, rows in ((name, [one[name] for one in kept]) for name in self.config["inputs"]):
            mask = np.arange(max(1, *map(len, rows))) < np.array([len(row) for row in rows])[:, None]
            feeds[name], feeds[f"{name}_mask"] = np.zeros(mask.shape + rows[0].shape[1:], rows[0].dtype), mask
            feeds[name][mask] = np.concatenate(rows)
        return feeds

    def read(self, one: dict[str, Any]) -> dict[str, Any]:
        """Turn an utterance into an array for each input; words become token ids."""
        found: dict[str, Any] = {}
        for name, spec in self.config["inputs"].items():
            given = one.get(name)
            if spec["kind"] == "features":
                found[name] = np.asarray(np.zeros((0, spec["width"])) if given is None else given, np.float32)
                if found[name].shape[1:] != (spec["width"],):
                    raise ValueError(f"{name} has the shape {found[name].shape}, not (T, {spec['width']})")
            elif name == "text":
                ids, most = self.ids(given) if isinstance(given, str) else list(given or ()), spec["max_tokens"]
                found[name] = np.array([*ids[: most - 1], *ids[most - 1 :][-1:]], np.int64)
            else:  # a second segment, which keeps what was said last
                ids = self.ids(" ".join(filter(None, map(str.strip, given or ()))), special=False)
                room = spec["max_tokens"] - len(found["text"]) - len(spec["before"]) - len(spec["after"])
                ids = ids[max(0, len(ids) - room) :] if len(found["text"]) else []
                found[name] = np.array([*spec["before"], *ids, *spec["after"]] if ids else [], np.int64)
        return found

    def ids(self, text: str, *, special: bool = True) -> list[int]:
        """Token ids of a text; a blank one has none."""
        return list(self.tokenizer.encode(text, add_special_tokens=special).ids) if text.strip() else []

    def estimate(self, raw: Any, one: dict[str, Any]) -> dict[str, Any]:
        """Turn a raw prediction into a value and its interval, or a class and a set of classes, where calibrated."""
        target, bounds = self.config["target"], self.config["bounds"] or {}
        here = "+".join(name for name in ("text", "audio", "vision") if len(one.get(name, ())))
        found = bounds.get(here, bounds.get(""))
        if target["kind"] == "classes":
            shares = np.exp(raw - raw.max()) / np.exp(raw - raw.max()).sum()
            result = {"value": target["classes"][raw.argmax()], "probabilities": shares.tolist()}
            inside = np.flatnonzero((1 - shares <= found) | (shares == shares.max())) if bounds else ()
            return result | ({"set": [target["classes"][place] for place in inside]} if bounds else {})
        ends = {"value": float(raw)}
        if found:
            far = abs(ends["value"] - (target["low"] + target["high"]) / 2)
            half = max(found["base"] + found["slope"] * far, found["floor"])
            ends |= {"low": ends["value"] - half, "high": ends["value"] + half}
        return {name: min(max(end, target["low"]), target["high"]) for name, end in ends.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predict the sentiment of one utterance.")
    parser.add_argument("text", nargs="?", help="its words")
    parser.add_argument("--audio", type=np.load, help="NumPy file (T, F) of its voice")
    parser.add_argument("--vision", type=np.load, help="NumPy file (T, F) of its face")
    print(json.dumps(Runner(Path(__file__).parent).predict([vars(parser.parse_args())])[0], indent=1))
