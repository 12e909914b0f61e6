"""Attribute the predictions of a run to modalities, and compare with the model's own weights."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Split
from sentiprism.evaluation.measurement import Measurement, header_of
from sentiprism.evaluation.opened import open_split
from sentiprism.evaluation.resampling import drawn_over
from sentiprism.explanation.agreement import Agreement, agreement
from sentiprism.explanation.values import chosen_class, occlusion, shapley, shares
from sentiprism.metrics import protocol
from sentiprism.notebook import make_dataframe, show_html
from sentiprism.tables import number, signed
from sentiprism.training.predict import predict
from sentiprism.training.run import Run
from sentiprism.types import MODALITIES, Modality

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Explanation(Measurement):
    """Attributions of the predictions of S seeds on N utterances to the M modalities of the model.

    The attributed value is the predicted intensity, or the logit of the predicted class.
    """

    modalities: tuple[Modality, ...]
    ids: npt.NDArray[Any]
    """(N,)."""
    whole: npt.NDArray[np.bool_]
    """(N,) whether the utterance has all M modalities; only these are used to compare attributions."""
    prediction: Floats
    """(S, N) with all modalities."""
    base: Floats
    """(S, N) prediction without any modality: the same for all utterances, except for the choice of the class."""
    shapley: Floats
    """(S, N, M) exact Shapley values; they sum to ``prediction - base``."""
    occlusion: Floats
    """(S, N, M) decrease of the prediction without one modality."""
    weights: Floats | None
    """(S, N, M) the model's own modality weights, if it has them."""
    agreements: dict[str, Agreement]
    """Agreements by the compared attributions, for example "weights, shapley": shares of absolute attributions, the
    model's own weights, and "planted" contributions if the dataset has them."""
    drawn_over: str = "utterances"
    """Units of the bootstrap for the intervals: utterances or videos."""

    def to_dataframe(self) -> "DataFrame":
        """Table with one row per utterance and modality: means over seeds of Shapley value, occlusion and weight.

        Raises:
            UserError: pandas is not installed.
        """
        utterances = self.to_dict()["utterances"]
        return make_dataframe(
            {
                "id": one["id"],
                "modality": name,
                "shapley": one["shapley"][name],
                "occlusion": one["occlusion"][name],
                "weight": one["weights"] and one["weights"][name],
            }
            for one in utterances
            for name in self.modalities
        )

    def _repr_html_(self) -> str:
        means = self.shapley.mean(axis=0)  # (N, M)
        rows = [
            [str(name), number(float(base)), *(signed(float(v), 3) for v in values), number(float(whole))]
            for name, base, values, whole in zip(
                self.ids, self.base.mean(axis=0), means, self.prediction.mean(axis=0), strict=True
            )
        ]
        title = f"{self.model} on {self.dataset}, {self.split}: Shapley values of the modalities"
        note = f"means over {len(self.seeds)} seeds; base and values sum to the prediction"
        return show_html(title, ["utterance", "base", *self.modalities, "prediction"], rows, [note])

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON; values of utterances are means over seeds, which sum to the mean prediction."""
        return {
            **self.header(),
            "modalities": list(self.modalities),
            "agreements": {
                pair: {name: value._asdict() for name, value in found.table.items()}
                for pair, found in self.agreements.items()
            },
            "utterances": [self._utterance(row) for row in range(len(self.ids))],
        }

    def _utterance(self, row: int) -> dict[str, Any]:
        def by_name(values: Floats | None) -> dict[str, float] | None:
            means = None if values is None else values[:, row].mean(axis=0).tolist()
            return means and dict(zip(self.modalities, means, strict=True))

        return {
            "id": str(self.ids[row]),
            "answer": float(self.prediction[:, row].mean()),
            "base": float(self.base[:, row].mean()),
            "shapley": by_name(self.shapley),
            "occlusion": by_name(self.occlusion),
            "weights": by_name(self.weights),
        }


def explain(run: Run | Path | str, split: str = "test", *, device: str = "auto") -> Explanation:
    """Compute exact Shapley values of modalities for all predictions of a run.

    Each of the 2^M coalitions of modalities takes one pass over the split.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        device: as in ``train``.

    Raises:
        UserError: no seed is finished, or the dataset differs from the one the run was trained on.
    """
    at = open_split(run, split, device=device)
    rows = at.rows
    from sentiprism.explanation.coalitions import Coalitions

    values, weights = [], []
    for saved, data in at.models():
        modalities = saved.model.modalities
        whole = np.all([data.steps(name) > 0 for name in modalities], axis=0)
        found = predict(Coalitions(saved.model).to(at.engine.device), data, at.engine)
        values.append(chosen_class(found.prediction))
        if "modality" in found.weights:
            weights.append(found.weights["modality"][:, [MODALITIES.index(name) for name in modalities]])
    v = np.stack(values)
    explanation = Explanation(
        **header_of(at.run, at.dataset.name, split, protocol(at.dataset.card.protocol)),
        modalities=modalities,
        ids=rows.ids,
        whole=whole,
        prediction=v[..., -1],
        base=v[..., 0],
        shapley=shapley(v),
        occlusion=occlusion(v),
        weights=np.stack(weights).astype(np.float64) if weights else None,
        agreements={},
        drawn_over=drawn_over(rows.video_ids[whole]),
    )
    return replace(explanation, agreements=_agreements(explanation, rows))


def _agreements(of: Explanation, split: Split) -> dict[str, Agreement]:
    """Compare attributions over utterances with all modalities; missing ones trivially have none."""
    attributions: dict[str, Floats] = {"shapley": shares(of.shapley), "occlusion": shares(of.occlusion)}
    if of.weights is not None:
        attributions["weights"] = of.weights
    planted = split.planted.get("contribution")
    if planted is not None:
        columns = [MODALITIES.index(name) for name in of.modalities]
        attributions["planted"] = np.broadcast_to(planted[:, columns].astype(np.float64), of.shapley.shape)
    if len(of.modalities) < 2 or np.count_nonzero(of.whole) < 2:
        return {}
    pairs = [("weights", "shapley"), ("weights", "occlusion"), ("occlusion", "shapley")]
    pairs += [(name, "planted") for name in ("shapley", "occlusion", "weights")]
    return {
        f"{one}, {other}": agreement(
            attributions[one][:, of.whole],
            attributions[other][:, of.whole],
            of.modalities,
            videos=split.video_ids[of.whole],
        )
        for one, other in pairs
        if one in attributions and other in attributions
    }
