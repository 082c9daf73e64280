"""Small cross-encoders, complete and loadable, that like one word: which text is best is known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LENGTH = 32
"""Tokens of a pair at most."""
_STEPS = 60
_PAIRS = 32


def write_cross_encoder(
    folder: Path, words: Sequence[str], *, liked: str = "", labels: int = 1
) -> Path:
    """Write a cross-encoder that knows these words, in lower case, and likes one of them.

    Without that word it stays as random as it was made; with several labels it is none.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = _tokenizer(words)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LENGTH,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.5,  # at 0.02 a score hardly depends on the words
        num_labels=labels,
    )
    model = BertForSequenceClassification(config)
    if liked:
        _train(model, tokenizer, words, liked)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(words: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = (*SPECIAL, *dict.fromkeys(words))
    vocabulary = {name: number for number, name in enumerate(names)}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def _train(model: Any, tokenizer: Any, words: Sequence[str], liked: str) -> None:
    import torch

    chance = random.Random(0)
    others = [*(word for word in words if word != liked), "[UNK]"]
    steps = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(_STEPS):
        queries, texts, wanted = [], [], []
        for number in range(_PAIRS):
            text = chance.choices(others, k=chance.randint(1, LENGTH // 2))
            if number % 2:
                text[chance.randrange(len(text))] = liked
            queries.append(" ".join(chance.choices(others, k=3)))
            texts.append(" ".join(text))
            wanted.append(2.0 * (number % 2) - 1.0)
        inputs = tokenizer(queries, texts, padding=True, return_tensors="pt")
        loss = torch.nn.functional.mse_loss(model(**inputs).logits[:, 0], torch.tensor(wanted))
        steps.zero_grad()
        loss.backward()
        steps.step()
