"""Explain predictions by modalities, words and frames, beside what a model says of itself."""

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiprism.explain.modalities import Explanation
    from sentiprism.training.run import Run


class _Explain(ModuleType):
    """This package, called as its function `explain`: ``sentiprism.explain`` names both."""

    def __call__(self, run: "Run | Path | str", split: str = "test", *, device: str = "auto") -> "Explanation":
        """See `sentiprism.explain.modalities.explain`."""
        from sentiprism.explain.modalities import explain

        return explain(run, split, device=device)


sys.modules[__name__].__class__ = _Explain
