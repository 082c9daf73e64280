"""How the next token is chosen: as the checkpoint's own generation settings say, or as asked."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import torch
from transformers import (
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.engines.wording import check_sampling
from qwen_audio_tools.errors import EngineRefused

# What `generate` of transformers does where a checkpoint says nothing.
_UNSAID = {"temperature": 1.0, "top_k": 50, "top_p": 1.0, "repetition_penalty": 1.0}
# Settings that would change an answer and aren't done here, each with the values that do nothing.
_NOT_DONE: dict[str, tuple[object, ...]] = {
    **dict.fromkeys(("num_beams", "num_return_sequences"), (1,)),
    **dict.fromkeys(("no_repeat_ngram_size", "min_length", "min_new_tokens"), (0,)),
    **dict.fromkeys(("bad_words_ids", "suppress_tokens", "begin_suppress_tokens"), ([],)),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "sequence_bias"), ()),
    **dict.fromkeys(("guidance_scale", "penalty_alpha", "top_h", "dola_layers"), (1, 1.0, 0.0)),
    **dict.fromkeys(("exponential_decay_length_penalty", "watermarking_config"), ()),
    **dict.fromkeys(("stop_strings", "max_time"), ()),
}


class Constraint(Protocol):
    """What keeps a reply to a form, such as a JSON schema; one for each row."""

    @property
    def done(self) -> bool:
        """Whether the reply is complete."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said of a reply that ends here."""
        ...

    def allowed(self, logits: torch.Tensor) -> None:
        """Set the logits, (vocabulary,), of tokens that may not come next to -inf, in place."""
        ...

    def advance(self, token: int) -> None:
        """Take note of the token that was chosen."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to choose; `temperature` 0 takes the likeliest token. `warnings` say what isn't done."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, generation_config: Any, options: Options) -> "Sampling":
        """Return what a checkpoint's generation settings say, where the options don't differ.

        Raises:
            SettingsError: a temperature, top_p or seed that cannot be.
        """
        check_sampling(options)
        said = _said(generation_config)
        samples = bool(getattr(generation_config, "do_sample", False))
        warnings = _warnings(generation_config)
        if options.temperature is not None:
            samples, said["temperature"] = options.temperature > 0, options.temperature
        if options.top_p is not None:
            said["top_p"] = options.top_p
            if not samples:
                warnings += (
                    "top_p has no effect: the likeliest token is taken; give a temperature as well",
                )
        if not samples:
            said = {"repetition_penalty": said["repetition_penalty"], "temperature": 0.0}
        return cls(**said, seed=options.seed, warnings=warnings)

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken."""
        return self.temperature == 0


def _said(generation_config: Any) -> dict[str, Any]:
    """Return the fields of Sampling that the checkpoint sets, and what an unset one means."""
    said: dict[str, Any] = dict(_UNSAID)
    for field in fields(Sampling):
        value = getattr(generation_config, field.name, None)
        if value is not None and field.name not in ("seed", "warnings"):
            said[field.name] = value
    return said


def _warnings(generation_config: Any) -> tuple[str, ...]:
    return tuple(
        f"the checkpoint's generation setting {name}={value!r} is not followed"
        for name, idle in _NOT_DONE.items()
        if (value := getattr(generation_config, name, None)) is not None and value not in idle
    )


def numbers(logits: torch.Tensor) -> torch.Tensor:
    """Return logits, (rows, vocabulary), as they are.

    Raises:
        EngineRefused: some are no numbers. In half precision that may begin amid a reply.
    """
    if bool(torch.isfinite(logits.amax(dim=-1)).all()):
        return logits
    raise EngineRefused(
        f"the model computes no numbers in {str(logits.dtype).removeprefix('torch.')}",
        hint="another number format: --dtype float32, or bfloat16 on a GPU that has it",
    )


class Choosing:
    """Chooses the next token of every row of a batch; a row's choice depends on that row alone.

    `ids` are the rows' prompts: a repetition penalty counts them too, as in `generate`.
    """

    def __init__(
        self,
        ids: Sequence[Sequence[int]],
        samplings: Sequence[Sampling],
        constraints: Sequence[Constraint | None],
        device: torch.device,
    ) -> None:
        self._samplings = list(samplings)
        self._constraints = list(constraints)
        self._random = [_generator(sampling) for sampling in samplings]
        self._penalties = torch.tensor(
            [[sampling.repetition_penalty] for sampling in samplings], device=device
        )
        self._seen = self._prompts(ids, device) if bool((self._penalties != 1).any()) else None

    @staticmethod
    def _prompts(ids: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
        # A token counts once however often it was said, so a row's own first token is the padding.
        longest = max(map(len, ids))
        rows = [[row[0]] * (longest - len(row)) + list(row) for row in ids]
        return torch.tensor(rows, device=device)

    def choose(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the next tokens, (rows,), for logits (rows, vocabulary)."""
        scores = logits.to(torch.float32, copy=True)
        if self._seen is not None:
            self._penalise(scores)
        for row, constraint in enumerate(self._constraints):
            if constraint is not None:
                constraint.allowed(scores[row])
        tokens = scores.argmax(dim=-1)
        for sampling, rows in self._groups().items():
            tokens[rows] = self._drawn(scores[rows], sampling, rows)
        if self._seen is not None:
            self._seen = torch.cat((self._seen, tokens[:, None]), dim=1)
        return tokens

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all rows but these, which take this order."""
        self._samplings = [self._samplings[row] for row in rows]
        self._constraints = [self._constraints[row] for row in rows]
        self._random = [self._random[row] for row in rows]
        self._penalties = self._penalties[list(rows)]
        if self._seen is not None:
            self._seen = self._seen[list(rows)]

    def _penalise(self, scores: torch.Tensor) -> None:
        # Keskar et al. 2019 (CTRL), as transformers does it: whatever was said becomes less likely.
        said = scores.gather(1, self._seen)
        said = torch.where(said < 0, said * self._penalties, said / self._penalties)
        scores.scatter_(1, self._seen, said)

    def _groups(self) -> dict[Sampling, list[int]]:
        groups: dict[Sampling, list[int]] = {}
        for row, sampling in enumerate(self._samplings):
            if not sampling.greedy:
                groups.setdefault(replace(sampling, seed=None), []).append(row)
        return groups

    def _drawn(self, scores: torch.Tensor, sampling: Sampling, rows: list[int]) -> torch.Tensor:
        """Draw one token a row. Only the likeliest are looked at, where a top_k says how many."""
        count = min(sampling.top_k or scores.shape[1], scores.shape[1])
        scores, candidates = scores.topk(count, dim=-1)
        reached = _warpers(sampling)(candidates, scores).softmax(dim=-1).cumsum(dim=-1)
        # One number a token and row, drawn on the CPU: the same on every device, in every batch.
        drawn = [torch.rand((), generator=self._random[row], dtype=torch.float64) for row in rows]
        point = torch.stack(drawn)[:, None].to(reached.dtype).to(reached.device) * reached[:, -1:]
        chosen = (reached <= point).sum(dim=-1, keepdim=True).clamp(max=count - 1)
        return candidates.gather(1, chosen)[:, 0]


def _generator(sampling: Sampling) -> torch.Generator | None:
    if sampling.greedy:
        return None
    generator = torch.Generator()
    if sampling.seed is None:
        generator.seed()
    else:
        generator.manual_seed(sampling.seed)
    return generator


def _warpers(sampling: Sampling) -> LogitsProcessorList:
    """Return what reshapes the distribution, in the order that `generate` has."""
    warpers = LogitsProcessorList()
    if sampling.temperature != 1:
        warpers.append(TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(float(sampling.top_p)))
    if sampling.min_p > 0:
        warpers.append(MinPLogitsWarper(float(sampling.min_p)))
    if sampling.typical_p < 1:
        warpers.append(TypicalLogitsWarper(float(sampling.typical_p)))
    if sampling.epsilon_cutoff > 0:
        warpers.append(EpsilonLogitsWarper(float(sampling.epsilon_cutoff)))
    if sampling.eta_cutoff > 0:
        warpers.append(EtaLogitsWarper(float(sampling.eta_cutoff)))
    return warpers
