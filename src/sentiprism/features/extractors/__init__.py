"""Feature extractors, one per file; each computes named columns with units from sound or frames."""

from sentiprism.features.extractors.base import AudioExtractor, Extractor, VisionExtractor
from sentiprism.registry import Registry

__all__ = ["EXTRACTORS", "AudioExtractor", "Extractor", "VisionExtractor"]

EXTRACTORS: Registry[Extractor] = Registry(
    "sentiprism.features.extractors",
    "sentiprism.features.extractors.base:Extractor",
    "extractor",
    "sentiprism.extractors",
    needs=("modality", "recipe"),
)
