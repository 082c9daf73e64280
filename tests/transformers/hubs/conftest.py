"""A hub on this machine that speaks as both hubs do, over HTTP, and can be made to fail."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

COMMIT = "c0ffee" * 6 + "0000"
LARGE = 10_000
"""Files from this size on are large ones to the hub, with a SHA-256 of their own."""


@dataclass
class Hub:
    """What the server has, what it does wrong, and what it was asked."""

    url: str = ""
    models: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cuts: dict[str, list[int]] = field(default_factory=dict)  # bytes until each break
    stalls: dict[str, int] = field(default_factory=dict)  # bytes until silence
    busy: dict[str, int] = field(default_factory=dict)  # how often it says so first
    damaged: set[str] = field(default_factory=set)
    claims: dict[str, int] = field(default_factory=dict)  # sizes that the listing tells
    ignores_ranges: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)  # (file, first byte)
    sent: int = 0
    open: threading.Event = field(default_factory=threading.Event)

    def add(self, model: str, files: dict[str, bytes]) -> None:
        self.models[model] = dict(files)


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


def _json(value: object, status: int = 200, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"Content-Type": "application/json", **names}, _dump(value))


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _lfs(content: bytes) -> dict[str, object] | None:
    if len(content) < LARGE:
        return None
    digest = _sha256(content)
    return {"sha256": digest, "oid": digest, "size": len(content), "pointerSize": 134}


def _huggingface(hub: Hub, path: str) -> Response | None:
    """Answer as the hub whose client is huggingface_hub."""
    if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/(.+)", path):
        model, kind, revision = found[1], found[2], unquote(found[3])
        if model not in hub.models:
            return _json({"error": "Repository not found"}, 401, X_Error_Code="RepoNotFound")
        if revision not in {"main", COMMIT}:
            said = {"error": f"Invalid rev id: {revision}"}
            return _json(said, 404, X_Error_Code="RevisionNotFound")
        if model in hub.gated and kind == "tree":
            return _json({"error": "gated"}, 403, X_Error_Code="GatedRepo")
        return _json(_tree(hub, model) if kind == "tree" else _info(hub, model))
    if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
        if found[1] in hub.gated:
            return _json({"error": "gated"}, 403, X_Error_Code="GatedRepo")
        content = hub.models.get(found[1], {}).get(unquote(found[3]))
        if content is None:
            return _json({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
        etag = _sha256(content) if _lfs(content) else _git_id(content)
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
        return Response(200, headers, content)
    return None


def _info(hub: Hub, model: str) -> dict[str, object]:
    siblings = [
        {"rfilename": path, "size": hub.claims.get(path, len(content)), "blobId": _git_id(content)}
        | ({"lfs": _lfs(content)} if _lfs(content) else {})
        for path, content in hub.models[model].items()
    ]
    return {"id": model, "modelId": model, "sha": COMMIT, "tags": [], "siblings": siblings}


def _tree(hub: Hub, model: str) -> list[dict[str, object]]:
    return [
        {"type": "file", "path": path, "size": len(content), "oid": _git_id(content)}
        | ({"lfs": _lfs(content)} if _lfs(content) else {})
        for path, content in hub.models[model].items()
    ]


def _modelscope(hub: Hub, path: str, query: dict[str, list[str]]) -> Response | None:
    """Answer as the hub whose client is modelscope."""
    found = re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)/(repo|repo/files)", path)
    if not found:
        return None
    model, revision = found[1], query.get("Revision", ["master"])[0]
    if model not in hub.models or revision not in {"master", "v1"}:
        return _json({"Code": 10010205001, "Message": "not found", "Success": False}, 404)
    if model in hub.gated:
        return _json({"Code": 10010205003, "Message": "no access", "Success": False}, 403)
    files = hub.models[model]
    if found[2] == "repo":
        content = files.get(query["FilePath"][0])
        return None if content is None else Response(200, {}, content)
    listed = [
        {
            "Path": name,
            "Size": hub.claims.get(name, len(content)),
            "Sha256": _sha256(content),
            "Type": "blob",
        }
        for name, content in files.items()
    ]
    return _json({"Code": 200, "Success": True, "Data": {"Files": listed}})


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            response = (
                _huggingface(hub, parts.path)
                or _modelscope(hub, parts.path, query)
                or _json({"error": "no such page"}, 404)
            )
            name = query.get("FilePath", [unquote(parts.path.partition("/resolve/")[2])])[0]
            file = name.rpartition("/")[2] if response.status == 200 else ""
            if body and hub.busy.get(file, 0) > 0:
                hub.busy[file] -= 1
                response, file = _json({"error": "busy"}, 503), ""
            self.send(response, file, body=body)

        def send(self, response: Response, file: str, *, body: bool) -> None:
            content, status, headers = response.body, response.status, dict(response.headers)
            start = 0
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if asked and status == 200 and not hub.ignores_ranges:
                start = int(asked[1])
                end = min(int(asked[2] or len(content) - 1), len(content) - 1)
                headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
                content, status = content[start : end + 1], 206
            if file in hub.damaged and content:
                content = bytes([content[0] ^ 1]) + content[1:]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if not body:
                return
            if file:
                hub.asked.append((file, start))
            if cuts := hub.cuts.get(file):
                content = content[: cuts.pop(0)]
                self.close_connection = True
            until = hub.stalls.get(file, len(content))
            self.wfile.write(content[:until])
            hub.sent += until if file else 0
            if until < len(content):
                hub.open.wait()
                self.close_connection = True

    return Handler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A running hub, empty; both libraries ask it, and keep what they fetch in tmp_path."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "huggingface"),
        "HF_HUB_OFFLINE": "0",
        "MODELSCOPE_ENDPOINT": hub.url,
        "MODELSCOPE_CACHE": str(tmp_path / "modelscope"),
        "MODELSCOPE_HOME": str(tmp_path / "modelscope-home"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "QWA_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    yield hub
    hub.open.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def files_of_a_model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A tiny Qwen2-Audio in two shards, with what lies beside it on a hub, by path."""
    folder = write_checkpoint(tmp_path_factory.mktemp("on-the-hub") / "model")
    _split(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return files | {
        "README.md": b"# Tiny",
        ".gitattributes": b"*.safetensors filter=lfs",
        "pytorch_model.bin": bytes(50_000),
        "demo.wav": bytes(50_000),
        "original/weights.safetensors": bytes(50_000),
    }


def _split(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    whole = folder / "model.safetensors"
    tensors = load_file(whole)
    names = sorted(tensors)
    places = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        shard = f"model-{number:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / shard, {"format": "pt"})
        places |= dict.fromkeys(part, shard)
    index = {"metadata": {"total_size": whole.stat().st_size}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    whole.unlink()


@pytest.fixture
def model(hub: Hub, files_of_a_model: dict[str, bytes]) -> str:
    """The id of a model that the hub has."""
    hub.add("Qwen/Tiny2.5-Audio", files_of_a_model)
    return "Qwen/Tiny2.5-Audio"
