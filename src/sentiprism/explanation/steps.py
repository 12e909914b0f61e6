"""Integrated gradients over tokens and frames (Sundararajan et al., ICML 2017).

Each modality is integrated separately from a baseline to the utterance, while the others stay unchanged. The baseline
of a frame is 0 in every feature, which is the train mean of standardised features; that of a token is [MASK] at the
embeddings, while [CLS] and [SEP] stay. The attributions of a modality's steps sum to the change of the prediction from
the baseline to the utterance, up to the error of the integral, which is measured and reported.
"""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Split
from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.opened import open_split
from sentiprism.explanation.representations import load_seed
from sentiprism.explanation.values import chosen_class, occlusion, shapley
from sentiprism.extras import install_extra
from sentiprism.text.encoders import load_tokenizer, tokenize
from sentiprism.training.run import Run
from sentiprism.types import MODALITIES, Batch, Modality, ModalitySpec, Sequence

if TYPE_CHECKING:
    from torch import Tensor

    from sentiprism.models import Model

POINTS = (16, 32, 64, 128, 256)
"""Points of the integral, increased until the error is below `TOLERANCE` of the sum of absolute attributions."""
TOLERANCE = 0.01
AT_ONCE = 32
"""Most rows whose gradients are in memory at once."""
STEPS_AT_ONCE = 2048
"""Most steps of these rows together; twice and four times as many were slower."""
STARTS = ("Ġ", "▁")
"""Prefixes of word starts in vocabularies that do not mark continuations with ##."""


class StepAttribution(NamedTuple):
    """Attribution of a prediction to the steps of one modality."""

    names: tuple[str, ...]
    """(T,) words, or indices of frames from 0."""
    values: npt.NDArray[np.float64]
    """(T,) in the prediction's unit."""
    total: float
    """Prediction minus prediction at the baseline, to which the values sum."""
    error: float
    """Difference of their sum from the total."""
    words: bool = False
    """Whether the steps are words; otherwise they are frames."""


class Steps(NamedTuple):
    """Attributions of one seed's prediction for one utterance."""

    id: str
    seed: int
    prediction: float
    """Predicted intensity, or the logit of the predicted class."""
    predicted: str | None
    """Name of that class; None for an intensity."""
    label: float
    """Label: an intensity, or a class number."""
    base: float
    """The prediction without any modality."""
    attributions: dict[str, dict[Modality, float]]
    """"shapley", which sums to ``prediction - base``, "occlusion" and, if the model has them, its own "weights"."""
    steps: dict[Modality, StepAttribution]
    """Attributions within each modality that the model uses and the utterance has."""

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON."""
        steps = {
            name: {**part._asdict(), "names": list(part.names), "values": part.values.tolist()}
            for name, part in self.steps.items()
        }
        names = {"prediction": "answer", "attributions": "accounts"}  # in JSON, as in earlier versions
        return {**{names.get(name, name): value for name, value in self._asdict().items()}, "steps": steps}


def explain_steps(
    run: Run | Path | str, utterance: str, split: str = "test", *, seed: int | None = None, device: str = "auto"
) -> Steps:
    """Attribute the prediction for one utterance to its modalities, and to the words and frames of each.

    Args:
        run: a `Run` or its folder.
        utterance: its id.
        split: ``train``, ``valid`` or ``test``.
        seed: seed of the model; by default the first finished one.
        device: as in ``train``.

    Raises:
        UserError: captum is not installed, or there is no such run, seed or utterance.
    """
    run = Run.open(run)
    seed = run.choose_seed(seed)
    opened = open_split(run, split, device=device)
    row = _row_of(utterance, opened.rows)
    at = load_seed(opened, seed)
    import torch

    from sentiprism.explanation.coalitions import Coalitions

    batch = at.engine.move(at.data.batch([row]))._replace(labels={})
    with torch.no_grad():
        whole = Coalitions(at.model)(batch)
    target = int(whole.prediction[0, -1].argmax()) if whole.prediction.ndim > 2 else None
    value = chosen_class(whole.prediction.double().cpu().numpy())[0]  # (2^M,)
    found = {"shapley": shapley(value), "occlusion": occlusion(value)}
    if (own := whole.weights.get("modality")) is not None:
        found["weights"] = own[0, [MODALITIES.index(name) for name in at.model.modalities]].double().cpu().numpy()
    parts: dict[Modality, StepAttribution] = {}
    for name in at.model.modalities:
        if getattr(batch, name).present.item():
            values, total, error = attribute(at.model, batch, name, target)
            named = _words_of(name, values, batch, at.data.split, row, at.model)
            names, values = named or (tuple(map(str, range(len(values)))), values)
            parts[name] = StepAttribution(names, values, total, error, words=named is not None)
    return Steps(
        id=utterance,
        seed=seed,
        prediction=float(value[-1]),
        predicted=None if target is None else at.model.target.classes[target],
        label=float(at.data.split.labels["M"][row]),
        base=float(value[0]),
        attributions={name: dict(zip(at.model.modalities, one.tolist(), strict=True)) for name, one in found.items()},
        steps=parts,
    )


def _row_of(utterance: str, split: Split) -> int:
    rows: list[int] = np.flatnonzero(split.ids == utterance)[:1].tolist()
    if not rows:
        raise UserError(
            f"no utterance of {split.name} is called {utterance!r}", suggest(utterance, map(str, split.ids))
        )
    return rows[0]


def attribute(
    model: "Model", batch: Batch, modality: Modality, target: int | None = None
) -> tuple[npt.NDArray[np.float64], float, float]:
    """Integrated gradients of one sample over the steps of one modality; the model is in evaluation mode.

    Args:
        model: any model; for a text encoder that is part of it, gradients are at its word embeddings.
        batch: one sample with the modality, without labels.
        modality: modality to explain.
        target: class whose logit is explained; None for an intensity.

    Returns:
        (T,) attributions, their expected sum, and its error.
    """
    (found,) = attribute_all(model, batch, modality, None if target is None else [target])
    return found


def attribute_all(
    model: "Model", batch: Batch, modality: Modality, targets: Collection[int] | None = None
) -> list[tuple[npt.NDArray[np.float64], float, float]]:
    """Attribute several samples at once, each with as many points as it needs, as in `attribute`.

    Args:
        model: as in `attribute`.
        batch: samples with the modality, without labels, preferably of similar length.
        modality: modality to explain.
        targets: class of each sample; None for an intensity.

    Returns:
        Results of `attribute` for each sample, with its own length T.
    """
    import torch

    given: Sequence = getattr(batch, modality)
    tokens = given.values.dtype == torch.int64
    baseline = _masked(given, model) if tokens else torch.zeros_like(given.values)
    chosen = None if targets is None else torch.tensor(list(targets), device=given.values.device)
    value = _value(model, batch, modality, chosen)
    with torch.no_grad():
        totals = (value(given.values) - value(baseline)).double().cpu().numpy()
    read = [getattr(batch, name).mask.shape[1] for name in MODALITIES]
    if batch.context is not None:
        read.append(batch.text.mask.shape[1] + batch.context.mask.shape[1])
    at_once = rows_at_once(max(read))
    found: dict[int, tuple[npt.NDArray[np.float64], float, float]] = {}
    left = torch.arange(len(totals), device=given.values.device)
    for points in POINTS:
        some = batch.map(partial(torch.index_select, dim=0, index=left))
        value = _value(model, some, modality, None if chosen is None else chosen[left])
        method = _method(value, model, tokens=tokens)
        with torch.backends.cudnn.flags(enabled=False):  # cuDNN's recurrent layers have no gradient in evaluation mode
            layers = method(
                given.values[left],
                baseline[left],
                n_steps=points,
                method="riemann_middle",
                internal_batch_size=max(at_once, len(left)),
            )
        layers = layers if isinstance(layers, list | tuple) else [layers]
        parts = sum(layer.detach().double().sum(dim=-1).cpu().numpy() for layer in layers)  # (b, T, D) -> (b, T)
        more = []
        for row, own, length in zip(left.tolist(), parts, given.mask[left].sum(dim=1).tolist(), strict=True):
            own = own[:length]  # noqa: PLW2901 - without padding
            error = abs(float(own.sum()) - totals[row])
            found[row] = own, float(totals[row]), error
            if error > TOLERANCE * np.abs(own).sum():
                more.append(row)
        left = torch.tensor(more, device=left.device)
        if not more:
            break
    return [found[row] for row in range(len(totals))]


def rows_at_once(steps: int) -> int:
    """Rows (points of one or several samples) whose gradients are in memory at once, by the steps of the longest."""
    return max(AT_ONCE, STEPS_AT_ONCE // steps)


def _value(model: "Model", batch: Batch, modality: Modality, targets: "Tensor | None") -> "Callable[[Tensor], Tensor]":
    """The prediction as a function of one modality's values (n * B, T, ...): the samples repeated n times."""

    def value(values: "Tensor") -> "Tensor":
        n = len(values) // len(batch.index)
        repeated = batch.map(lambda t: t.repeat(n, *[1] * (t.dim() - 1)))
        changed: dict[str, Any] = {modality: Sequence(values, getattr(repeated, modality).mask)}
        prediction: Tensor = model(repeated._replace(**changed)).prediction
        return prediction if targets is None else prediction.gather(1, targets.repeat(n)[:, None])[:, 0]

    return value


def _method(value: "Callable[[Tensor], Tensor]", model: "Model", *, tokens: bool) -> Callable[..., Any]:
    try:
        from captum.attr import IntegratedGradients, LayerIntegratedGradients
    except ImportError:
        raise UserError("captum is not installed", install_extra("explain")) from None
    from sentiprism.nn.text import TextEncoder

    if not tokens:
        return IntegratedGradients(value).attribute  # type: ignore[no-any-return]
    encoders: list[Any] = [m.backbone for m in model.modules() if isinstance(m, TextEncoder) and m.backbone is not None]
    layers = [encoder.get_input_embeddings() for encoder in encoders]
    return LayerIntegratedGradients(value, layers[0] if len(layers) == 1 else layers).attribute  # type: ignore[no-any-return]


def _masked(text: Sequence, model: "Model") -> "Tensor":
    """(1, T) ids with every word masked; special tokens stay."""
    import torch

    spec: ModalitySpec = model.features.text  # type: ignore[assignment] # there are tokens only with text
    tokenizer = load_tokenizer(str(spec.encoder))
    mask = tokenizer.mask_token_id if tokenizer.mask_token_id is not None else tokenizer.pad_token_id
    special = torch.isin(text.values, torch.tensor(tokenizer.all_special_ids, device=text.values.device))
    return torch.where(special, text.values, mask)


def _words_of(
    modality: Modality, values: npt.NDArray[np.float64], batch: Batch, split: Split, row: int, model: "Model"
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]] | None:
    """Join word pieces to words, if the text is made from token ids; None if the steps are not tokens."""
    spec: ModalitySpec = getattr(model.features, modality)
    text = split.texts[row] if split.texts is not None else None
    ids = batch.text.values[0].tolist()
    if modality != "text" or spec.encoder is None or spec.source == "features":
        ids = []
    elif spec.kind == "features":  # precomputed by an encoder; a step is still a token
        made = tokenize(spec.encoder, [text], spec.max_tokens or len(values)) if spec.source == "raw" else ()
        ids = made[0].tolist() if made and len(made[0]) == len(values) else []
    if not ids:
        return None
    tokenizer = load_tokenizer(str(spec.encoder))
    return join_pieces(tokenizer.convert_ids_to_tokens(ids), values, frozenset(tokenizer.all_special_tokens))


def join_pieces(
    pieces: list[str], values: npt.NDArray[np.float64], special: frozenset[str]
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Join the pieces of words and sum their attributions: (T,) pieces -> (W,) words."""
    starts = any(piece.startswith(STARTS) for piece in pieces)
    names: list[str] = []
    sums: list[float] = []
    joinable = False
    for piece, value in zip(pieces, values, strict=True):
        goes_on = piece.startswith("##") or (starts and not piece.startswith(STARTS))
        if joinable and goes_on and piece not in special:
            names[-1] += piece.removeprefix("##")
            sums[-1] += float(value)
        else:
            names.append(piece.lstrip("".join(STARTS)) or piece)
            sums.append(float(value))
        joinable = piece not in special
    return tuple(names), np.array(sums)
