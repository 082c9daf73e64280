"""A checkpoint into memory: whole and quietly, or an error that says what is wrong with it."""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.utils import logging as transformers_logging

from qwen_audio_tools.engines.families import FAMILIES
from qwen_audio_tools.engines.transformers.loading.checkpoint import find
from qwen_audio_tools.engines.transformers.loading.model_loading import Loaded, load
from qwen_audio_tools.engines.transformers.loading.placement import place
from qwen_audio_tools.errors import (
    Cancelled,
    EngineError,
    EngineRefused,
    MissingExtra,
    WeightsMissing,
)
from qwen_audio_tools.settings import read


def _load(folder: Path, progress: Any = None, **settings: object) -> Loaded:
    chosen = read(device="cpu", **settings)
    found = find(str(folder), chosen)
    return load(found, place(chosen, found.config), progress)


def test_a_model_loads_whole_ready_to_answer(checkpoint, model):
    loaded = _load(checkpoint)
    assert not loaded.model.training
    assert loaded.processor.tokenizer.padding_side == "left"
    expected = model.state_dict()
    found = loaded.model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_settings_decide_format_and_attention(checkpoint):
    model = _load(checkpoint, dtype="bfloat16", attention="eager").model
    assert model.dtype == torch.bfloat16
    assert model.get_decoder().config._attn_implementation == "eager"
    assert model.model.audio_tower.config._attn_implementation == "eager"


def test_progress_counts_up_to_the_end(checkpoint):
    seen: list[tuple[str, float, float]] = []
    _load(checkpoint, lambda *report: seen.append(report))
    whats, done, totals = zip(*seen, strict=True)
    assert set(whats) == {"loading"}
    assert len(set(totals)) == 1
    assert totals[0] > 20  # tensors
    assert list(done) == sorted(done)
    assert (done[0], done[-1]) == (0, totals[0])


def test_loading_can_be_stopped_by_whom_it_tells(checkpoint):
    def stop(what: str, done: float, total: float) -> None:
        if done > 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        _load(checkpoint, stop)
    assert _load(checkpoint).model  # and then loads again


def test_nothing_is_printed_and_nothing_of_transformers_stays_changed(checkpoint):
    script = (
        "import sys\n"
        "from transformers.utils import logging\n"
        "before = logging.get_verbosity(), logging.set_tqdm_hook(None)\n"
        "from qwen_audio_tools.engines.transformers.loading.checkpoint import find\n"
        "from qwen_audio_tools.engines.transformers.loading.model_loading import load\n"
        "from qwen_audio_tools.engines.transformers.loading.placement import place\n"
        "from qwen_audio_tools.settings import read\n"
        "found = find(sys.argv[1], read(device='cpu'))\n"
        "load(found, place(read(device='cpu'), found.config))\n"
        "assert before == (logging.get_verbosity(), logging.set_tqdm_hook(None))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(checkpoint)], capture_output=True, text=True, check=True
    )
    assert (run.stdout, run.stderr) == ("", "")


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])


def _garble(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"no weights at all")


def _drop_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(next(name for name in tensors if name.endswith("q_proj.weight")))
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _rewrite(folder: Path, **text: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= text
    (folder / "config.json").write_text(json.dumps(config))


def _narrow(folder: Path) -> None:
    _rewrite(folder, intermediate_size=256)


def _deepen(folder: Path) -> None:
    _rewrite(folder, num_hidden_layers=3, layer_types=["full_attention"] * 3)


def _confuse(folder: Path) -> None:
    _rewrite(folder, hidden_size="wide")


def _lose_the_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _lose_the_processor(folder: Path) -> None:
    (folder / "processor_config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "kind", "said"),
    [
        (_cut, WeightsMissing, "weights of '.*Spoilt' are damaged: .*file not fully covered"),
        (_garble, WeightsMissing, "weights of '.*Spoilt' are damaged"),
        (_drop_a_tensor, WeightsMissing, r"not whole: .* missing \(1\), such as '.*q_proj.weight'"),
        (_deepen, WeightsMissing, r"not whole: .* missing \(12\), such as '.*layers.2.*"),
        (_narrow, WeightsMissing, r"do not fit .*_proj.weight' is \(128, 320\) and should be"),
        (_confuse, EngineRefused, "config.json of .* cannot be used: .*hidden_size"),
        (_lose_the_tokenizer, WeightsMissing, "tokenizer of .* doesn't know its audio token"),
        (_lose_the_processor, WeightsMissing, "processor of .* cannot be loaded"),
    ],
)
def test_a_spoilt_checkpoint_is_an_error_and_never_a_random_answer(
    checkpoint: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    kind: type[EngineError],
    said: str,
):
    folder = Path(shutil.copytree(checkpoint, tmp_path / "Spoilt"))
    spoil(folder)
    with pytest.raises(kind, match=said) as caught:
        _load(folder)
    assert "huggingface" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_that_is_not_here_says_what_brings_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    found = find("Qwen/Qwen2-Audio-7B", read())
    with pytest.raises(WeightsMissing, match="not on this machine") as caught:
        load(found, place(read(device="cpu"), found.config))
    assert caught.value.hint == "qwa models pull Qwen/Qwen2-Audio-7B"


def test_a_family_that_this_transformers_lacks_is_told(checkpoint):
    settings = read(device="cpu")
    found = find(str(checkpoint), settings)
    unknown = replace(FAMILIES["qwen2_audio"], model_class="Qwen9AudioForConditionalGeneration")
    with pytest.raises(MissingExtra, match="has no Qwen9Audio"):
        load(replace(found, family=unknown), place(settings, found.config))


def test_whoever_debugs_sees_what_transformers_says(checkpoint, caplog):
    levels = []
    with caplog.at_level(logging.DEBUG, logger="qwen_audio_tools"):
        _load(checkpoint, lambda *_: levels.append(transformers_logging.get_verbosity()))
    assert set(levels) == {transformers_logging.get_verbosity()}
