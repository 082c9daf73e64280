"""OpenAI's protocol, as plainly as it can be spoken: what a request holds, what came back."""

import base64
import io
import json
from typing import Any

import httpx2
import numpy as np
import soundfile

from tests.servers.running import Server

RATE = 16_000


def lasting(samples: np.ndarray, seconds: float) -> np.ndarray:
    """Return the sound cut, or said again and again, to last so long."""
    return np.resize(samples, round(seconds * RATE))


def wav(samples: np.ndarray) -> str:
    """Return 16 kHz samples as a 16-bit WAV file in base64."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode()


def heard(samples: np.ndarray, **beside: Any) -> dict[str, Any]:
    """Return samples as a part of a message; `beside` is set beside them."""
    return {"type": "input_audio", "input_audio": {"data": wav(samples), "format": "wav"}, **beside}


def written(text: str) -> dict[str, Any]:
    """Return text as a part of a message."""
    return {"type": "text", "text": text}


def question(server: Server, *parts: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return the body of a request with one turn; greedy and short unless `options` say else."""
    return {
        "model": server.model,
        "messages": [{"role": "user", "content": list(parts)}],
        "max_tokens": 8,
        "temperature": 0,
        **options,
    }


def client(**headers: str) -> httpx2.Client:
    """Return a client for one request: servers close a connection after a failure."""
    return httpx2.Client(trust_env=False, verify=False, timeout=60.0, headers=headers)


def url_of_chat(server: Server) -> str:
    return f"{server.base_url}/chat/completions"


def post(server: Server, body: Any, path: str = "/chat/completions") -> httpx2.Response:
    """Send a body and return what came back, whatever its status."""
    with client() as asking:
        return asking.post(server.base_url + path, json=body)


def get(server: Server, path: str, **headers: str) -> httpx2.Response:
    """Get a path below the root of the server."""
    with client(**headers) as asking:
        return asking.get(server.root + path)


def ask(server: Server, *parts: dict[str, Any], **options: Any) -> httpx2.Response:
    """Ask one question and return what came back, whatever its status."""
    return post(server, question(server, *parts, **options))


def said(response: httpx2.Response) -> str:
    """Return the words of an answer."""
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


def events(response: httpx2.Response) -> list[Any]:
    """Return the events of a stream: parsed JSON, and words such as [DONE] as they are."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    data = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    return [json.loads(each) if each.startswith("{") else each for each in data]


def streamed(chunks: list[Any]) -> str:
    """Return the words of a stream."""
    deltas = [
        chunk["choices"][0]["delta"] for chunk in chunks if chunk != "[DONE]" and chunk["choices"]
    ]
    return "".join(delta.get("content") or "" for delta in deltas)
