"""Record what other programs compute of raters' agreement: python tests/golden/make_agreement.py.

They are not dependencies of this one. Install them beside it, and run this there:

    python -m venv /tmp/raters && /tmp/raters/bin/pip install pingouin krippendorff matplotlib
    /tmp/raters/bin/python tests/golden/make_agreement.py
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("agreement.json")
MISSING = None
LEVELS = ("nominal", "ordinal", "interval")
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Table 2 of Shrout and Fleiss (1979)."""
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, MISSING, MISSING, MISSING],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, MISSING, 3],
    [MISSING, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, MISSING],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, MISSING],
]
"""Four observers and twelve units (Krippendorff 2011)."""


def tables() -> dict[str, list[list[float | None]]]:
    """Ratings (utterances by raters) by name."""
    random = np.random.default_rng(7)
    truth = random.normal(0, 1.4, (60, 1))
    noisy = np.clip(np.round(truth + np.array([0.0, 0.4, -0.2]) + random.normal(0, 0.7, (60, 3))), -3, 3)
    gaps = [[None if random.random() < 0.25 else float(value) for value in row] for row in noisy]
    return {
        "Shrout and Fleiss": SHROUT_FLEISS,
        "Krippendorff": [list(row) for row in zip(*KRIPPENDORFF, strict=True)],
        "three raters": noisy.tolist(),
        "with gaps": gaps,
    }


def measure(ratings: list[list[float | None]]) -> dict[str, Any]:
    """What pingouin and krippendorff compute."""
    import krippendorff
    import matplotlib as mpl
    import pandas as pd
    import pingouin

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    given = np.array(ratings, float)
    alphas = {level: krippendorff.alpha(given.T, level_of_measurement=level) for level in LEVELS}
    rows = [(n, r, given[n, r]) for n in range(given.shape[0]) for r in range(given.shape[1])]
    long = pd.DataFrame(rows, columns=["utterance", "rater", "rating"])
    names = {"targets": "utterance", "raters": "rater", "ratings": "rating", "nan_policy": "omit"}
    pingouin.options["round"] = None
    pingouin.options["round.column.CI95"] = 6
    icc = pingouin.intraclass_corr(long, **names).set_index("Type")
    both = given[~np.isnan(given[:, :2]).any(axis=1)]
    axes = pingouin.plot_blandaltman(both[:, 0], both[:, 1], ax=plt.figure().add_subplot(), annotate=False)
    _, bias, high, low = (float(line.get_ydata()[0]) for line in axes.get_lines())
    return {
        "alpha": alphas,
        "single": [icc.loc["ICC(A,1)", "ICC"], *map(float, icc.loc["ICC(A,1)", "CI95"])],
        "average": [icc.loc["ICC(A,k)", "ICC"], *map(float, icc.loc["ICC(A,k)", "CI95"])],
        "bland_altman": {"bias": bias, "low": low, "high": high},
    }


def main() -> None:
    """Write the file anew."""
    versions = {name: version(name) for name in ("pingouin", "krippendorff")}
    found = {name: {"ratings": ratings, **measure(ratings)} for name, ratings in tables().items()}
    FILE.write_text(json.dumps({"versions": versions, "tables": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
