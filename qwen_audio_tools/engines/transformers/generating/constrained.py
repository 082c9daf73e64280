"""Replies that fit a JSON schema: at each token, which tokens may come next.

The grammar work is llguidance's, which runs on the CPU beside any device and builds no tables in
advance; here its masks meet the logits, and its complaints become ours.
"""

import json
from collections.abc import Collection, Mapping
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import torch

from qwen_audio_tools.errors import EngineRefused, EngineUnsupported, MissingExtra, SettingsError

# JSON as most is written. White space at will would let a model write nothing but that.
_WRITING = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "lenient": False,
}


class Forms:
    """Makes the constraints of one tokenizer's replies. Safe to use from several threads.

    `stop_ids` are the tokens that end a reply: they are allowed once the JSON is complete.
    """

    def __init__(self, tokenizer: Any, stop_ids: Collection[int]) -> None:
        self._tokenizer = tokenizer
        self._stop_ids = sorted(stop_ids)
        self._lock = Lock()

    def form(self, schema: Mapping[str, Any]) -> "Form":
        """Return the constraint of one reply to a JSON schema.

        Raises:
            SettingsError: it is no JSON schema, or uses what can't be held to.
            EngineUnsupported: the tokenizer is of a kind that can't be constrained.
            MissingExtra: llguidance is not installed.
        """
        matcher = _llguidance().LLMatcher
        grammar = matcher.grammar_from_json_schema(_written(schema), overrides=_WRITING)
        wrong = matcher.validate_grammar(grammar)
        if wrong:
            raise _refused(schema, wrong)
        with self._lock:  # so that threads don't read the vocabulary each
            vocabulary = self._vocabulary
        form = Form(matcher(vocabulary, grammar, log_level=0))
        form.check()
        return form

    @cached_property
    def _vocabulary(self) -> Any:
        """The tokens as bytes, in a tree: takes about a second for a vocabulary of 150 000."""
        llguidance = _llguidance()
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:  # Mistral's own, say
            raise self._unfit("it shows no vocabulary")
        try:
            return llguidance.LLTokenizer(backend.to_str(), eos_token=self._stop_ids)
        except ValueError as error:
            raise self._unfit(str(error)) from error

    def _unfit(self, why: str) -> EngineUnsupported:
        return EngineUnsupported(
            f"the model's tokenizer, a {type(self._tokenizer).__name__!r}, can't be held to a JSON "
            f"schema: {why}",
            hint="ask for JSON in the question instead",
        )


class Form:
    """One reply that is held to a schema, a token at a time."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    @property
    def done(self) -> bool:
        """Whether nothing can follow any more."""
        return bool(self._matcher.is_stopped())

    @property
    def complete(self) -> bool:
        """Whether the text so far fits the schema; a number may still get more digits."""
        return bool(self._matcher.is_accepting())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an answer that ends here must say."""
        if self.complete:
            return ()
        return (
            "the reply was cut before its JSON was complete: it does not fit the schema; "
            "allow more tokens by max_tokens",
        )

    def allowed(self, logits: torch.Tensor) -> None:
        """Set the logits, (vocabulary,), of tokens that may not come next to -inf, in place.

        Raises:
            EngineRefused: the schema is too hard to follow at this place.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self.check()
        # The head may have more rows than there are tokens: nothing stands for those.
        fits = np.zeros(logits.shape[-1], bool)
        known = np.unpackbits(bits, bitorder="little")[: len(fits)]
        fits[: len(known)] = known
        logits.masked_fill_(torch.from_numpy(~fits).to(logits.device), -torch.inf)

    def advance(self, token: int) -> None:
        """Take note of the token that was chosen.

        Raises:
            EngineRefused: it was not allowed.
        """
        self._matcher.consume_token(token)
        self.check()

    def check(self) -> None:
        """Raise EngineRefused if the matcher has given up."""
        if self._matcher.is_error():
            # What follows the first line is the matcher's whole state.
            reason = self._matcher.get_error().partition("\n")[0]
            raise EngineRefused(
                f"the reply can't be held to the schema any further: {reason}",
                hint="use a simpler JSON schema",
            )


def _llguidance() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise MissingExtra(
            "replies that fit a JSON schema need the package 'llguidance'",
            hint='pip install "qwen-audio-tools[transformers]"',
        ) from error
    return llguidance


def _written(schema: Mapping[str, Any]) -> str:
    if not isinstance(schema, Mapping):
        raise _refused(schema, "a JSON schema is an object")
    try:
        return json.dumps(dict(schema), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused(schema, str(error)) from error


def _refused(schema: object, reason: str) -> SettingsError:
    shown = repr(schema)
    shown = shown if len(shown) <= 200 else f"{shown[:200]}…"
    return SettingsError(
        f"no reply can be held to the JSON schema {shown}: {' '.join(reason.split())}",
        hint="see json-schema.org for the words of a schema",
    )
