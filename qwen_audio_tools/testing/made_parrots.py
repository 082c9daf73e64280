"""Checkpoints that reply with a given text, whatever they hear: for what is made of a reply.

A layer adds nothing here, so that a token's successor depends on that token alone: the text is cut
into pieces that become tokens of their own, each followed by the next.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

_LOUD = 50.0


def let_it_say(folder: Path, text: str) -> Path:
    """Change a small checkpoint, of `write_checkpoint` or `write_sibling`, to always say `text`.

    Letters of its alphabet make room for the pieces: those above ASCII, which it can't read then.
    """
    import transformers

    from qwen_audio_tools.engines.families import FAMILIES

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = getattr(transformers, FAMILIES[config["model_type"]].model_class)
    model = kind.from_pretrained(folder)
    most = model.get_input_embeddings().weight.shape[1] - 1
    chain = _tokens(folder / "tokenizer.json", text, min(most, 60))
    ends = model.generation_config.eos_token_id
    _chained(model, [*chain, ends[0] if isinstance(ends, list) else ends])
    model.save_pretrained(folder)
    return folder


def _tokens(path: Path, text: str, most: int) -> list[int]:
    """Make the text's pieces tokens in the place of letters above ASCII; return their ids."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    letters, vocabulary = bytes_to_unicode(), tokenizer["model"]["vocab"]
    ids: list[int] = []
    for number, piece in enumerate(_pieces(text, most)):
        written = "".join(letters[byte] for byte in piece.encode())
        if written not in vocabulary:
            vocabulary[written] = vocabulary.pop(letters[0xFF - number])
        ids.append(vocabulary[written])
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    return ids


def _pieces(text: str, most: int) -> list[str]:
    """Cut a text into equal pieces, none of them twice: else what follows it were not certain."""
    size = math.ceil(len(text) / most)
    while True:
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        if len(set(pieces)) == len(pieces):
            return pieces
        size += 1


def _chained(model: Any, chain: list[int]) -> None:
    """Let any token be followed by the first of the chain, and each of those by the next."""
    import torch

    embeddings, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    with torch.no_grad():
        for name, weight in model.get_decoder().named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.zero_()
        embeddings.zero_()
        embeddings[:, 0] = 1.0
        head.zero_()
        for place, token in enumerate(chain):
            head[token, place] = _LOUD
            if place + 1 < len(chain):
                embeddings[token] = 0.0
                embeddings[token, place + 1] = 1.0
