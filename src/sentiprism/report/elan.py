"""Write an analysis for ELAN, as EAF 3.0 (Max Planck Institute for Psycholinguistics)."""

from pathlib import PurePath
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sentiprism.report.schema import Document
from sentiprism.report.tiers import UTTERANCES, WORDS, Annotation, Lane, arrange_tiers, clean

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
DATE = "1970-01-01T00:00:00+00:00"
"""The format requires a date; always this one, so that the same analysis gives the same file."""
MEDIA_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".mpg": "video/mpeg",
               ".wav": "audio/x-wav"}  # fmt: skip
"""Those that ELAN names; it finds out others itself."""
CONSTRAINTS = {
    "Time_Subdivision": "Time intervals that divide the parent annotation without gaps",
    "Symbolic_Subdivision": "Ordered parts of the parent annotation without times",
    "Symbolic_Association": "One annotation of the parent annotation, with its times",
    "Included_In": "Time intervals within the parent annotation, gaps are allowed",
}
"""Kinds of dependent tiers, as every EAF file describes them."""


def to_elan(analysis: Document) -> str:
    """Convert to an EAF document: utterances, their words, and a tier for each estimate and modality.

    Words depend on the utterance that contains them; values are associated with an utterance.
    """
    lanes = arrange_tiers(analysis)
    root = Element("ANNOTATION_DOCUMENT", {
        "AUTHOR": "", "DATE": DATE, "FORMAT": "3.0", "VERSION": "3.0", "xmlns:xsi": INSTANCE,
        "xsi:noNamespaceSchemaLocation": SCHEMA,
    })  # fmt: skip
    _add_header(root, analysis.recording.name)
    slots = _Slots(lanes)
    slots.add_to(root)
    for lane in lanes:
        _add_lane(root, lane, slots)
    for name, constraint in ((UTTERANCES, None), (WORDS, "Included_In"), ("values", "Symbolic_Association")):
        kind = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": name}
        kind["TIME_ALIGNABLE"] = "false" if constraint == "Symbolic_Association" else "true"
        SubElement(root, "LINGUISTIC_TYPE", {**kind, **({"CONSTRAINTS": constraint} if constraint else {})})
    for name, description in CONSTRAINTS.items():
        SubElement(root, "CONSTRAINT", {"DESCRIPTION": description, "STEREOTYPE": name})
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _add_header(root: Element, recording: str) -> None:
    header = SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    kind = MEDIA_TYPES.get(PurePath(recording).suffix.lower(), "unknown")
    place = f"./{quote(recording)}"
    SubElement(header, "MEDIA_DESCRIPTOR", {"MEDIA_URL": place, "MIME_TYPE": kind, "RELATIVE_MEDIA_URL": place})


class _Slots:
    """Time slots in the order of time, and numbers of annotations."""

    def __init__(self, lanes: list[Lane]) -> None:
        spoken = [one for lane in lanes for one in lane.utterances]
        all_of = [annotation for one in spoken for annotation in (one.annotation, *one.words)]
        times = sorted({time for one in all_of for time in (one.start, one.end)})
        self._slots = {time: f"ts{n}" for n, time in enumerate(times, start=1)}
        self._annotations = 0

    def add_to(self, root: Element) -> None:
        order = SubElement(root, "TIME_ORDER")
        for time, name in self._slots.items():
            SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": name, "TIME_VALUE": str(time)})

    def annotate(self, tier: Element, annotation: Annotation) -> str:
        """Add an annotation with times; its number is returned."""
        times = {"TIME_SLOT_REF1": self._slots[annotation.start], "TIME_SLOT_REF2": self._slots[annotation.end]}
        return self._add(tier, "ALIGNABLE_ANNOTATION", annotation.text, times)

    def refer(self, tier: Element, parent: str, text: str) -> None:
        """Add an annotation of another annotation."""
        self._add(tier, "REF_ANNOTATION", text, {"ANNOTATION_REF": parent})

    def _add(self, tier: Element, kind: str, text: str, about: dict[str, str]) -> str:
        self._annotations += 1
        name = f"a{self._annotations}"
        own = SubElement(SubElement(tier, "ANNOTATION"), kind, {"ANNOTATION_ID": name, **about})
        SubElement(own, "ANNOTATION_VALUE").text = text
        return name


def _add_lane(root: Element, lane: Lane, slots: _Slots) -> None:
    name = UTTERANCES + lane.suffix
    about = {} if lane.speaker is None else {"PARTICIPANT": clean(lane.speaker)}
    tier = SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": UTTERANCES, **about, "TIER_ID": name})
    numbers = [slots.annotate(tier, one.annotation) for one in lane.utterances]
    kinds = {WORDS: WORDS, **dict.fromkeys(lane.value_tiers, "values")}
    tiers = {
        own: SubElement(
            root, "TIER", {"LINGUISTIC_TYPE_REF": kind, "PARENT_REF": name, **about, "TIER_ID": own + lane.suffix}
        )
        for own, kind in kinds.items()
    }
    for number, one in zip(numbers, lane.utterances, strict=True):
        for word in one.words:
            slots.annotate(tiers[WORDS], word)
        for own, text in one.values.items():
            slots.refer(tiers[own], number, text)
