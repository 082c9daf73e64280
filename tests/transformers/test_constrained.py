"""Replies held to a JSON schema: a model that says nonsense says it in the form that was asked."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from jsonschema import validate
from transformers import LogitsProcessor

from qwen_audio_tools.engines.transformers.generating.constrained import Form, Forms
from qwen_audio_tools.errors import EngineRefused, EngineUnsupported, MissingExtra, SettingsError

FEELING = {
    "type": "object",
    "properties": {
        "emotion": {"enum": ["happy", "sad", "angry", "neutral"]},
        "sure": {"type": "integer", "minimum": 0, "maximum": 100},
    },
    "required": ["emotion", "sure"],
    "additionalProperties": False,
}
EVENTS = {
    "type": "object",
    "properties": {
        "language": {"type": ["string", "null"], "maxLength": 5},
        "events": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "items": {
                "type": "object",
                "properties": {
                    "label": {"type": "string", "minLength": 1, "maxLength": 6},
                    "loud": {"type": "boolean"},
                    "at": {"$ref": "#/$defs/time"},
                },
                "required": ["label", "loud", "at"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["language", "events"],
    "additionalProperties": False,
    "$defs": {"time": {"type": "string", "pattern": "^[0-9]{1,3}\\.[0-9]$"}},
}
SCHEMAS = {
    "feeling": FEELING,
    "nested": EVENTS,
    "list": {"type": "array", "items": {"enum": [1, "two", None]}, "minItems": 2, "maxItems": 3},
    "either": {"anyOf": [{"const": "yes"}, {"type": "integer", "minimum": 5, "maximum": 7}]},
}


class _Held(LogitsProcessor):
    """Applies a Form where plain `generate` asks for changes of the scores."""

    def __init__(self, form: Form, end: int) -> None:
        self.form, self.end = form, end
        self.begun = False

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self.begun:
            self.form.advance(int(ids[0, -1]))
        self.begun = True
        if self.form.done:  # only the end is left
            scores[0].fill_(-torch.inf)[self.end] = 0.0
        else:
            self.form.allowed(scores[0])
        return scores


Answering = Callable[..., tuple[str, Form]]


@pytest.fixture(scope="module")
def forms(processor: Any, model: Any) -> Forms:
    return Forms(processor.tokenizer, {model.generation_config.eos_token_id})


@pytest.fixture(scope="module")
def answer(forms: Forms, processor: Any, model: Any) -> Answering:
    """Return what the tiny model says to a question when it is held to a schema."""

    def ask(schema: dict[str, Any], question: str = "Well?", tokens: int = 250) -> Any:
        held = _Held(forms.form(schema), model.generation_config.eos_token_id)
        inputs = processor.tokenizer(question, return_tensors="pt")
        with torch.inference_mode():
            ids = model.generate(
                **inputs, do_sample=False, max_new_tokens=tokens, logits_processor=[held]
            )[0, inputs["input_ids"].shape[1] :]
        if int(ids[-1]) != held.end:
            held.form.advance(int(ids[-1]))
        return processor.tokenizer.decode(ids, skip_special_tokens=True), held.form

    return ask


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_model_that_says_nonsense_still_fits_the_schema(answer, name):
    for question in ("What?", "Which emotion?", "你好"):
        text, form = answer(SCHEMAS[name], question)
        assert form.complete, text
        assert form.warnings == ()
        validate(json.loads(text), SCHEMAS[name])


def test_without_the_schema_the_same_model_says_no_json(processor, model):
    inputs = processor.tokenizer("What?", return_tensors="pt")
    ids = model.generate(**inputs, do_sample=False, max_new_tokens=60)[0]
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(processor.tokenizer.decode(ids[inputs["input_ids"].shape[1] :]))


@pytest.mark.parametrize("tokens", [1, 5, 20])
def test_a_reply_that_is_cut_short_says_so(answer, tokens):
    text, form = answer(FEELING, tokens=tokens)
    assert not form.complete
    assert not form.done
    assert len(form.warnings) == 1
    assert "max_tokens" in form.warnings[0]
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def walk(form: Form, ids: list[int]) -> None:
    for token in ids:
        form.advance(token)


def next_tokens(form: Form, size: int) -> set[int]:
    logits = torch.zeros(size)
    form.allowed(logits)
    return set(torch.isfinite(logits).nonzero()[:, 0].tolist())


def ids_of(processor: Any, text: str) -> list[int]:
    return processor.tokenizer(text, add_special_tokens=False)["input_ids"]


def test_the_end_is_allowed_exactly_where_the_json_may_end(forms, processor):
    end = processor.tokenizer.eos_token_id
    form = forms.form({"type": "integer", "minimum": 1, "maximum": 42})
    assert end not in next_tokens(form, 300)
    walk(form, ids_of(processor, "4"))
    assert end in next_tokens(form, 300)
    assert (form.complete, form.done) == (True, False)
    walk(form, ids_of(processor, "2"))
    assert form.done


def test_no_control_token_and_no_row_without_a_token_is_ever_allowed(forms, processor):
    form = forms.form({"type": "string"})
    walk(form, ids_of(processor, '"<|'))
    tokenizer = processor.tokenizer
    allowed = next_tokens(form, len(tokenizer) + 50)
    assert set(ids_of(processor, "im_end")) <= allowed
    assert allowed.isdisjoint(tokenizer.added_tokens_decoder)
    assert max(allowed) < len(tokenizer)


def test_scores_of_allowed_tokens_are_left_as_they_are(forms, processor):
    form = forms.form({"enum": ["ab", "cd"]})
    walk(form, ids_of(processor, '"'))
    logits = torch.linspace(-1, 1, 300)
    before = logits.clone()
    form.allowed(logits)
    a, c = ids_of(processor, "ac")
    assert torch.isfinite(logits).nonzero()[:, 0].tolist() == [a, c]
    assert (logits[a], logits[c]) == (before[a], before[c])


def test_two_replies_to_one_schema_do_not_know_of_each_other(forms, processor):
    first, second = forms.form(FEELING), forms.form(FEELING)
    walk(first, ids_of(processor, '{"emotion": "sad", '))
    assert next_tokens(second, 300) == set(ids_of(processor, "{"))


def test_the_json_is_written_as_usual_and_no_white_space_is_endless(forms, processor):
    form = forms.form(FEELING)
    walk(form, ids_of(processor, json.dumps({"emotion": "sad", "sure": 7})))
    assert form.done
    form = forms.form({"type": "array", "items": {"const": 1}})
    walk(form, ids_of(processor, "["))
    assert next_tokens(form, 300) == set(ids_of(processor, "1]"))


def test_a_token_that_is_not_allowed_is_an_error(forms, processor):
    form = forms.form(FEELING)
    with pytest.raises(EngineRefused, match="held to the schema") as raised:
        walk(form, ids_of(processor, "["))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "letters"}, "letters"),
        ({"type": "object", "properties": 3}, "properties"),
        ({"$ref": "#/$defs/missing"}, "missing"),
        ({"$ref": "https://example.com/schema"}, "example.com"),
        ({"type": "integer", "minimum": 5, "maximum": 1}, "minimum"),
        ({"type": "string", "pattern": "("}, "unclosed group"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"enum": []}, "empty"),
        ({"const": float("nan")}, "JSON"),
        ({"const": {1, 2}}, "set"),
        ([FEELING], "object"),
        (True, "object"),
    ],
)
def test_a_broken_schema_is_refused_before_anything_is_generated(forms, schema, reason):
    with pytest.raises(SettingsError, match=reason) as raised:
        forms.form(schema)
    assert "\n" not in str(raised.value)


def test_a_schema_cannot_switch_the_checks_off(forms):
    with pytest.raises(SettingsError, match="uniqueItems"):
        forms.form({"type": "array", "uniqueItems": True, "x-guidance": {"lenient": True}})


def test_a_tokenizer_that_cannot_be_read_is_named():
    class Words:
        """A tokenizer that is written in Python."""

    with pytest.raises(EngineUnsupported, match="'Words'"):
        Forms(Words(), {0}).form(FEELING)


def test_without_the_package_the_error_names_the_extra(forms, monkeypatch):
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(MissingExtra, match="llguidance") as raised:
        forms.form(FEELING)
    assert "qwen-audio-tools[transformers]" in raised.value.hint
