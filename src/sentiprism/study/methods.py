"""Write the methods paragraph of a paper from what was really run."""

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from math import isnan

from sentiprism import __version__
from sentiprism.analysis.options import AUTO, OFF, Options
from sentiprism.evaluation.resampling import FEW
from sentiprism.languages import language_name
from sentiprism.report.schema import Document, ModelFacts
from sentiprism.report.wording import describe_model
from sentiprism.study.contrasts import EXACT, LEVEL, PERMUTATIONS, RESAMPLES
from sentiprism.study.study import Study
from sentiprism.tables import duration

FACES = {
    "speaking": "with the face whose lips move with the sound where several are visible, or the longest visible one "
    "where that is unsure.",
    "largest": "with the longest visible face where several are visible.",
    "all": "once for each visible face.",
}
PACKAGES = ("torch", "transformers", "numpy", "av", "faster-whisper", "librosa", "mediapipe")
"""Whose versions may change a number."""
REFERENCES = {
    "bootstrap": "Efron, B., & Tibshirani, R. J. (1993). An introduction to the bootstrap. Chapman & Hall.",
    "independent": "Hedges, L. V. (1981). Distribution theory for Glass's estimator of effect size and related "
    "estimators. Journal of Educational Statistics, 6(2), 107-128.",
    "holm": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
    "Statistics, 6(2), 65-70.",
    "speakers": "Wan, L., Wang, Q., Papir, A., & Lopez Moreno, I. (2018). Generalized end-to-end loss for speaker "
    "verification. ICASSP, 4879-4883.",
}


@dataclass
class Analysed:
    """What the analyses of a study have in common, counted while they are read."""

    recordings: int = 0
    seconds: float = 0.0
    speech: float = 0.0
    firm: float = 0.0
    """Seconds of speech with a firm estimate."""
    utterances: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    transcripts: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    modalities: Counter[str] = field(default_factory=Counter)
    """Utterances that have each."""
    model: ModelFacts | None = None

    def add(self, analysis: Document) -> None:
        """Count a recording."""
        self.recordings += 1
        self.seconds += analysis.recording.duration
        self.speech += analysis.summary.speech
        self.firm += analysis.summary.speech * analysis.summary.firm
        self.utterances += len(analysis.utterances)
        self.kinds[analysis.recording.kind] += 1
        self.transcripts[analysis.recording.transcript or "none"] += 1
        self.languages[analysis.recording.language or ""] += 1
        for one in analysis.utterances:
            self.modalities.update(one.present)
        self.model = self.model or analysis.model

    def join(self, other: "Analysed") -> None:
        """Add the counts of other recordings."""
        for name in ("recordings", "seconds", "speech", "firm", "utterances"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("kinds", "transcripts", "languages", "modalities"):
            getattr(self, name).update(getattr(other, name))
        self.model = self.model or other.model


def write_methods(found: Analysed, options: Options, studies: Sequence[Study], failed: int) -> tuple[str, ...]:
    """Describe recordings, model, settings and statistics of a study.

    Args:
        found: of the analyses.
        options: of each analysis.
        studies: comparisons that were made.
        failed: number of recordings without an analysis.

    Returns:
        Paragraphs, the last one with references if there are any.
    """
    paragraphs = [_recordings(found, failed), _analysis(found, options), _statistics(studies)]
    used = ["bootstrap"] * _has_intervals(studies) + ["speakers"] * (options.speakers != OFF)
    designs = {one.design for study in studies for one in study.differences}
    used += ["independent"] * ("independent" in designs) + ["holm"] * bool(designs - {""})
    references = "References: " + " ".join(REFERENCES[name] for name in used) if used else ""
    return tuple(filter(None, [*paragraphs, references]))


def _recordings(found: Analysed, failed: int) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.kinds.items()))
    said = f"{found.recordings:,} recordings ({kinds}; {duration(found.seconds)} in total) were analysed, with "
    said += f"{found.utterances:,} utterances in {duration(found.speech)}."
    if failed:
        said += f" {failed:,} further recordings could not be analysed and are left out."
    return said


def _analysis(found: Analysed, options: Options) -> str:
    if found.model is None:
        return ""
    model = found.model
    sets = "sets" if model.target.classes else "intervals"
    said = [
        f"Sentiment was estimated with sentiprism {__version__} (Python {platform.python_version()}; {_versions()}) "
        f"by the model {describe_model(model)}, of the architecture {model.model}"
        + (f", with prediction {sets} of a nominal coverage of {100 * model.level:.0f} %." if model.level else "."),
        f"Words: {_counted(found.transcripts)}."
        + (f" Language: {_counted(_named(found.languages))}." if any(found.languages) else ""),
        f"Words were grouped into utterances at sentence ends, at pauses of {options.pause:g} s, and after at most "
        f"{options.longest:g} s; each utterance was predicted from the modalities that it has ({_shares(found)}), "
        + FACES[options.face],
        "The share of a class is the part of the utterances' time in which it is the most probable."
        if model.target.classes
        else "A recording's sentiment is the mean over its utterances, weighted by time.",
    ]
    if options.speakers != OFF:
        count = "as many as were heard" if options.speakers == AUTO else f"{options.speakers} in each recording"
        said.append(f"Speakers were told apart by voice, {count}, by clustering embeddings (Wan et al., 2018).")
    if found.speech > 0:
        said.append(f"Of the utterances' time, {100 * found.firm / found.speech:.0f} % has a firm estimate.")
    said += [f"The model's own notes: {'; '.join(note.rstrip('.') for note in model.notes)}."] if model.notes else []
    return " ".join(said)


def _statistics(studies: Sequence[Study]) -> str:
    if not studies:
        return ""
    persons = any(group.units.persons for study in studies for group in study.groups)
    unit = "person" if persons else "recording"
    how = "each person with the mean of their recordings, so that recordings of one person do not count as independent"
    intervals = (
        f"have {100 * LEVEL:.0f} % percentile bootstrap intervals over {RESAMPLES:,} resamples of {unit}s "
        "(Efron & Tibshirani, 1993)"
        if _has_intervals(studies)
        else f"of fewer than {FEW} {unit}s have no intervals"
    )
    said = [f"Means {intervals}, {how if persons else 'which were treated as independent'}."]
    measures = sorted({study.measure for study in studies})
    compared = [study for study in studies if study.by is not None]
    if compared:
        names = ", ".join(str(study.by) for study in compared)
        said.append(f"Compared were the values of {names} ({', '.join(measures)}).")
    designs = {one.design for study in compared for one in study.differences}
    least, most = PERMUTATIONS
    if "paired" in designs:
        said.append(
            "Conditions of the same persons were compared within persons, by sign-flip tests (all assignments of "
            f"signs up to {EXACT} persons, else {least:,} to {most:,} random ones); the effect size is d_z, the mean "
            "difference in standard deviations of the differences."
        )
    if "independent" in designs:
        said.append(
            f"Groups without common {unit}s were compared by permutation tests ({least:,} to {most:,} random "
            "assignments); the effect size is Hedges' g (Hedges, 1981)."
        )
    if any(study.repeated is not None for study in compared):
        said.append(
            "Three or more conditions of the same persons were also tested together: F of the repeated-measures "
            "analysis of variance with random permutations of the conditions within persons; the effect size is "
            "partial eta squared."
        )
    if designs - {""}:
        said.append("p-values of pairs are corrected over the pairs of each attribute (Holm, 1979).")
    if "" in designs:
        said.append(f"Pairs with fewer than {FEW} {unit}s were not tested.")
    notes = dict.fromkeys(note for study in studies for note in study.notes if "left out" in note)
    return " ".join([*said, *notes])


def _has_intervals(studies: Sequence[Study]) -> bool:
    return any(not isnan(group.mean.low) for study in studies for group in study.groups)


def _versions() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def _named(languages: Counter[str]) -> Counter[str]:
    return Counter({language_name(code) if code else "not known": count for code, count in languages.items()})


def _counted(counts: Counter[str]) -> str:
    """The only one, or each with how many recordings it is of."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} ({count:,} recordings)" for name, count in _ordered(counts))


def _shares(found: Analysed) -> str:
    total = max(found.utterances, 1)
    return ", ".join(f"{name} {100 * count / total:.0f} %" for name, count in _ordered(found.modalities))


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first, equal ones by name: whatever order the analyses ended in."""
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))
