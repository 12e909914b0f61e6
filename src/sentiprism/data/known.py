"""Known datasets: ranges, official splits, protocols, hashes of public files."""

from pydantic import Field

from sentiprism.config import Config
from sentiprism.types import TargetSpec


class KnownDataset(Config):
    """Properties of a published dataset."""

    name: str
    title: str
    citation: str
    target: TargetSpec
    protocol: str
    """Metric protocol by name, see `sentiprism.metrics`."""
    splits: dict[str, int]
    """Number of utterances in the official splits."""
    language: str = "en"
    vocabulary: str = "bert-base-uncased"
    """Vocabulary of the token ids in the MMSA distribution."""
    label_offset: float = 0.0
    """Offset that maps distributed labels to the target's range."""
    shared_videos: bool = False
    """Whether the official splits share videos; importing then warns instead of refusing them."""
    aliases: tuple[str, ...] = ()
    form_of: str | None = None
    """Name of the dataset with the same utterances and features in another form."""
    aligned: bool = False
    """Whether audio and vision are aligned to words: one step per word, its mean."""
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Names of the features of a sequence of the MMSA distribution."""
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of distributed files, from the README of thuiar/MMSA; {} if not published."""
    note: str = ""

    @property
    def family(self) -> str:
        """Common name of all forms of a dataset, with the same labels, splits and experiments of papers."""
        return self.form_of or self.name

    def other_form(self) -> "KnownDataset | None":
        """The other form of the same utterances, aligned to words or not; None if there is none."""
        forms = (one for one in _ALL if one.family == self.family and one.aligned != self.aligned)
        return next(forms, None)


def _aligned(unaligned: KnownDataset, digest: str) -> KnownDataset:
    """Make the word-aligned form of a dataset; MMSA distributes both."""
    return unaligned.model_copy(
        update={
            "name": f"{unaligned.name}_aligned",
            "title": f"{unaligned.title}, aligned to words",
            "aliases": tuple(f"{alias}-aligned" for alias in unaligned.aliases),
            "form_of": unaligned.name,
            "aligned": True,
            "files": {"aligned_50.pkl": digest},
        }
    )


_CMU = TargetSpec(low=-3, high=3)
_SIMS = TargetSpec(low=-1, high=1)

_MOSI_AUDIO = tuple(
    f"COVAREP {column} ({name})"
    for column, name in {
        1: "VUV",
        3: "QOQ",
        6: "MDQ",
        25: "MCEP_14",
        60: "HMPDM_24",
    }.items()
)
"""MMSA's files of MOSI have 5 of the 74 columns of COVAREP, counted from 0, with COVAREP's names."""
_MOSI_VISION = tuple(
    f"FACET {column}" for column in (0, 2, 5, 10, 11, 12, 14, 17, 20, 21, 22, 24, 25, 29, 30, 31, 32, 36, 37, 40)
)
"""MMSA's files of MOSI have 20 of the 47 columns of FACET 4.1, whose names are not published."""

_MOSI = KnownDataset(
    name="mosi",
    title="CMU-MOSI",
    citation="Zadeh, Zellers, Pincus, Morency. Multimodal Sentiment Intensity Analysis in Videos: "
    "Facial Gestures and Verbal Messages. IEEE Intelligent Systems 31(6), 2016",
    target=_CMU,
    protocol="intensity",
    splits={"train": 1284, "valid": 229, "test": 686},
    aliases=("cmu-mosi",),
    columns={"audio": _MOSI_AUDIO, "vision": _MOSI_VISION},
    files={"unaligned_50.pkl": "78e0f8b5ef8ff71558e7307848fc1fa929ecb078203f565ab22b9daab2e02524"},
)
_MOSEI = KnownDataset(
    name="mosei",
    title="CMU-MOSEI",
    citation="Bagher Zadeh, Liang, Poria, Cambria, Morency. Multimodal Language Analysis in the Wild: "
    "CMU-MOSEI Dataset and Interpretable Dynamic Fusion Graph. ACL 2018",
    target=_CMU,
    protocol="intensity",
    splits={"train": 16326, "valid": 1871, "test": 4659},
    aliases=("cmu-mosei",),
    files={"unaligned_50.pkl": "ad8b23d50557045e7d47959ce6c5b955d8d983f2979c7d9b7b9226f6dd6fec1f"},
)

_ALL = (
    _MOSI,
    _aligned(_MOSI, "d3994fd25681f9c7ad6e9c6596a6fe9b4beb85ff7d478ba978b124139002e5f9"),
    _MOSEI,
    _aligned(_MOSEI, "45eccfb748a87c80ecab9bfac29582e7b1466bf6605ff29d3b338a75120bf791"),
    KnownDataset(
        name="sims",
        title="CH-SIMS",
        citation="Yu, Xu, Meng, Zhu, Ma, Wu, Zou, Yang. CH-SIMS: A Chinese Multimodal Sentiment Analysis "
        "Dataset with Fine-grained Annotation of Modality. ACL 2020",
        target=_SIMS,
        protocol="sims",
        splits={"train": 1368, "valid": 456, "test": 457},
        language="zh",
        vocabulary="bert-base-chinese",
        shared_videos=True,
        aliases=("ch-sims",),
        files={"unaligned_39.pkl": "c9e20c13ec0454d98bb9c1e520e490c75146bfa2dfeeea78d84de047dbdd442f"},
    ),
    KnownDataset(
        name="simsv2",
        title="CH-SIMS v2 (supervised part)",
        citation="Liu, Yuan, Mao, Liang, Yang, Qiu, Cheng, Li, Xu, Gao. Make Acoustic and Visual Cues "
        "Matter: CH-SIMS v2.0 Dataset and AV-Mixup Consistent Module. ICMI 2022",
        target=_SIMS,
        protocol="simsv2",
        splits={"train": 2722, "valid": 647, "test": 1034},
        language="zh",
        vocabulary="bert-base-chinese",
        shared_videos=True,
        aliases=("ch-simsv2", "ch-sims-v2", "sims-v2"),
    ),
    KnownDataset(
        name="urfunny",
        title="UR-FUNNY V1",
        citation="Hasan, Rahman, Bagher Zadeh, Zhong, Tanveer, Morency, Hoque. UR-FUNNY: A Multimodal "
        "Language Dataset for Understanding Humor. EMNLP-IJCNLP 2019",
        target=TargetSpec(kind="classes", classes=("serious", "humorous")),
        protocol="binary",
        splits={"train": 10598, "valid": 2626, "test": 3290},
        aliases=("ur-funny", "ur_funny"),
        note="V2 is a smaller, cleaned release: its split sizes differ and the import says so.",
    ),
    KnownDataset(
        name="mmmo",
        title="ICT-MMMO",
        citation="Wöllmer, Weninger, Knaup, Schuller, Sun, Sagae, Morency. YouTube Movie Reviews: "
        "Sentiment Analysis in an Audio-Visual Context. IEEE Intelligent Systems 28(3), 2013",
        target=TargetSpec(low=-2, high=2),
        protocol="mmmo",
        splits={"train": 220, "valid": 40, "test": 80},
        label_offset=-3.0,
        aliases=("ict-mmmo",),
        note="Ratings of 1 to 5 are stored minus 3; splits as in MFN (Zadeh et al., AAAI 2018).",
    ),
)

KNOWN: dict[str, KnownDataset] = {dataset.name: dataset for dataset in _ALL}


def describe(name: str) -> KnownDataset | None:
    """Find a known dataset by name or alias, ignoring case; None if unknown."""
    wanted = name.lower()
    return next((known for known in _ALL if wanted in (known.name, *known.aliases)), None)


def family(name: str) -> str:
    """Common name of a dataset's forms; the name itself for an unknown dataset."""
    known = describe(name)
    return known.family if known else name


def recognise(digest: str) -> tuple[KnownDataset, str] | None:
    """Find the dataset and file name of a distributed file by its SHA-256 (hex); None if unknown."""
    wanted = digest.lower()
    return next(((known, file) for known in _ALL for file, sha in known.files.items() if sha == wanted), None)
