"""Explanation: what of an answer is owed to which modality, word and frame, beside what a model says of itself."""

from sentiprism.explain.agreement import Agreement, agreement
from sentiprism.explain.modalities import Explanation, explain
from sentiprism.explain.steps import StepAttribution, Steps, explain_steps
from sentiprism.explain.values import occlusion, shapley, shares

__all__ = [
    "Agreement",
    "Explanation",
    "StepAttribution",
    "Steps",
    "agreement",
    "explain",
    "explain_steps",
    "occlusion",
    "shapley",
    "shares",
]
