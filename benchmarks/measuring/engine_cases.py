"""The cases in which the transformers engine is measured beside plain `generate`.

Each side starts from nothing in each round: ours forgets what it kept before.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from measuring.plain_generate import Clock, Plain, clip_turn
from qwen_audio_tools import Clip, Options, open_engine
from qwen_audio_tools.conversation import Message, assistant, user
from qwen_audio_tools.engines.base import join, run_many
from qwen_audio_tools.testing import speech
from qwen_audio_tools.testing.made_checkpoints import SHAPED, TINY, write_checkpoint

RATE = 16_000
QUESTIONS = (
    "What emotion does the speaker show?",
    "Is there music in the background?",
    "How many people speak in this clip?",
    "Which language is spoken in this clip?",
    "What is the mood of the whole recording?",
    "Does a dog bark while somebody speaks?",
    "What does the speaker want to be done?",
    "Was this recorded in a room or in a street?",
)
SENTENCES = (
    "The ferry leaves the harbour at half past nine, and nobody on the pier minds the rain. "
    "My brother counted eleven gulls on the roof before the captain rang the bell. "
    "We talked about the budget, about the long winter, and about the price of bread. "
)

Run = Callable[[], tuple[float, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One comparison: each side gives CPU seconds and what it said. `told` replaces the check."""

    name: str
    plain: Run
    ours: Run
    wanted: float | None = None
    rounds: int | None = None
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One checkpoint, loaded by both sides, and a recording to ask about."""

    folder: Path
    plain: Plain
    engine: Any
    voice: np.ndarray
    tiny: bool

    @classmethod
    def made(cls, folder: Path, *, tiny: bool) -> "Bench":
        """Build the checkpoint and load it twice."""
        write_checkpoint(folder, shape=TINY if tiny else SHAPED)
        voice = np.asarray(speech(SENTENCES * 4), np.float32)
        engine = open_engine(f"transformers:{folder}", device="cpu", dtype="float32")
        bench = cls(
            folder=folder, plain=Plain.loaded(folder), engine=engine, voice=voice, tiny=tiny
        )
        bench.ask([[user(bench.clip(1.0), "warm up")]], 2)
        return bench

    def samples(self, seconds: float) -> np.ndarray:
        """Return so much speech, the same each time."""
        return np.resize(self.voice, round(seconds * RATE))

    def clip(self, seconds: float) -> Clip:
        return Clip((self.samples(seconds), RATE))

    def ask(self, chats: Sequence[Sequence[Message]], max_tokens: int) -> list[str]:
        """Return our greedy answers to some conversations at once."""
        options = Options(max_tokens=max_tokens, temperature=0.0)
        found = dict(run_many(self.engine, chats, options))
        return [found[index].text for index in range(len(chats))]

    def one(self, chat: Sequence[Message], max_tokens: int) -> str:
        options = Options(max_tokens=max_tokens, temperature=0.0)
        return join(self.engine.reply(chat, options), self.engine.info).text


def clocked(run: Callable[[], object]) -> tuple[float, object]:
    """Return the CPU seconds of a run and what it gave."""
    with Clock() as clock:
        given = run()
    return clock.cpu, given


def questions(bench: Bench) -> Iterator[Case]:
    """Eight questions on one clip: at once, and one after the other."""
    for seconds, tokens, at_once, in_turn in ((10.0, 32, 4.0, 1.7), (30.0, 16, 5.0, 3.0)):
        samples = bench.samples(seconds)
        chats = [[clip_turn(words, samples)] for words in QUESTIONS]
        clip = Clip((samples, RATE))
        mine = [[user(clip, words)] for words in QUESTIONS]

        def plain(chats: Any = chats, tokens: int = tokens) -> object:
            return [bench.plain.answer([chat], tokens)[0] for chat in chats]

        def together(mine: Any = mine, tokens: int = tokens) -> object:
            bench.engine.forget()
            return bench.ask(mine, tokens)

        def one_by_one(mine: Any = mine, tokens: int = tokens) -> object:
            bench.engine.forget()
            return [bench.one(chat, tokens) for chat in mine]

        named = f"8 questions on a {seconds:.0f} s clip, {tokens} tokens each"
        for way, ours, wanted in (
            ("at once", together, at_once),
            ("one after the other", one_by_one, in_turn),
        ):
            yield Case(
                name=f"{named}, {way}",
                plain=lambda plain=plain: clocked(plain),
                ours=lambda ours=ours: clocked(ours),
                wanted=wanted,
            )


def hearing(bench: Bench) -> Iterator[Case]:
    """Log-mel, encoder and projector of one clip, without the language model."""
    import torch

    model, processor = bench.plain.model, bench.plain.processor
    for seconds, wanted in ((10.0, 3.5), (3.0, None), (30.0, None)):
        samples = bench.samples(seconds)

        def plain(samples: np.ndarray = samples) -> object:
            with torch.no_grad():
                inputs = processor(
                    text="<|AUDIO|>", audio=[samples], sampling_rate=RATE, return_tensors="pt"
                )
                return heard_by(model, inputs)

        def ours(samples: np.ndarray = samples) -> object:
            return bench.engine.encode(Clip((samples, RATE)))

        difference = float((plain() - ours()).abs().max())  # type: ignore[operator]
        yield Case(
            name=f"log-mel and encoder of a {seconds:.0f} s clip, 5 times",
            plain=lambda plain=plain: clocked(lambda: [plain() for _ in range(5)]),
            ours=lambda ours=ours: clocked(lambda: [ours() for _ in range(5)]),
            wanted=wanted,
            told=f"largest difference {difference:.1e}",
        )


def heard_by(model: Any, inputs: Any) -> Any:
    """Return what the projector gives for the one clip of `inputs`, by the model's own modules."""
    captured = {}
    projector = model.model.multi_modal_projector
    hook = projector.register_forward_hook(lambda *call: captured.update(out=call[2]))
    language = model.model.language_model
    stop = language.register_forward_pre_hook(_leave)
    try:
        model.model(**inputs)
    except _LeftError:
        pass
    finally:
        hook.remove()
        stop.remove()
    return captured["out"][0, : int((inputs.input_ids == model.config.audio_token_id).sum())]


class _LeftError(Exception):
    """Ends a forward pass before the language model begins."""


def _leave(*_: object) -> None:
    raise _LeftError


def chat(bench: Bench) -> Iterator[Case]:
    """Six turns about one clip, each with all turns before it."""
    samples = bench.samples(10.0)
    clip, tokens = Clip((samples, RATE)), 16
    asked = QUESTIONS[:6]

    def plain() -> object:
        turns: list[dict[str, Any]] = []
        for number, words in enumerate(asked):
            new = clip_turn(words, samples) if not number else {"role": "user", "content": words}
            turns.append(new)
            said = bench.plain.answer([turns], tokens)[0]
            turns.append({"role": "assistant", "content": said})
        return [turn["content"] for turn in turns[1::2]]

    def ours() -> object:
        bench.engine.forget()
        turns: list[Message] = []
        for number, words in enumerate(asked):
            turns.append(user(words) if number else user(clip, words))
            turns.append(assistant(bench.one(turns, tokens)))
        return [turn.text for turn in turns[1::2]]

    yield Case(
        name=f"a chat of 6 turns about a 10 s clip, {tokens} tokens each",
        plain=lambda: clocked(plain),
        ours=lambda: clocked(ours),
        wanted=2.0,
    )


def long(bench: Bench) -> Iterator[Case]:
    """A recording in windows: by plain generate one after the other, by ours as it likes."""
    from qwen_audio_tools.windows import windows

    minutes = 0.5 if bench.tiny else 10.0
    whole = bench.clip(minutes * 60)
    parts = list(windows(whole, 30.0))
    clips = [Clip((whole.samples()[int(w.start * RATE) : int(w.end * RATE)], RATE)) for w in parts]
    words, tokens = "What is said?", 48

    def plain() -> object:
        chats = [[clip_turn(words, clip.samples())] for clip in clips]
        return [bench.plain.answer([chat], tokens)[0] for chat in chats]

    def ours() -> object:
        bench.engine.forget()
        return bench.ask([[user(clip, words)] for clip in clips], tokens)

    yield Case(
        name=f"{minutes:g} min in {len(clips)} windows, {tokens} tokens each",
        plain=lambda: clocked(plain),
        ours=lambda: clocked(ours),
        wanted=1.25,
        rounds=1,
    )


def overhead(bench: Bench) -> Iterator[Case]:
    """One question on a clip as long as the window: nothing can be saved but the head."""
    samples = bench.samples(30.0)
    chat, mine = [clip_turn(QUESTIONS[0], samples)], [user(Clip((samples, RATE)), QUESTIONS[0])]

    def ours() -> object:
        bench.engine.forget()
        return bench.one(mine, 32)

    yield Case(
        name="one question on a 30 s clip, 32 tokens (at most 3 % slower)",
        plain=lambda: clocked(lambda: bench.plain.answer([chat], 32)[0]),
        ours=lambda: clocked(ours),
        wanted=0.97,
    )


def int8(bench: Bench) -> Iterator[Case]:
    """Weights in 8 bits: 64 tokens about a clip so short that reading it hardly counts."""
    samples = bench.samples(1.0)
    small = open_engine(f"transformers:{bench.folder}", device="cpu", quantize="8bit")
    options = Options(max_tokens=64, temperature=0.0)
    mine = [user(Clip((samples, RATE)), QUESTIONS[0])]

    def ours() -> object:
        small.forget()  # type: ignore[attr-defined]
        return join(small.reply(mine, options), small.info).text

    ours()
    yield Case(
        name="one question on a 1 s clip, 64 tokens, weights in int8",
        plain=lambda: clocked(
            lambda: bench.plain.answer([[clip_turn(QUESTIONS[0], samples)]], 64)[0]
        ),
        ours=lambda: clocked(ours),
        wanted=2.0,
        told=int8_quality(bench),
    )


def int8_quality(bench: Bench) -> str:
    """Return how near the int8 model's logits are, over 64 tokens that the plain model wrote."""
    import torch

    from qwen_audio_tools.engines.transformers.loading import checkpoint, model_loading, placement
    from qwen_audio_tools.settings import read

    settings = read(device="cpu", quantize="8bit")
    found = checkpoint.find(str(bench.folder), settings)
    small = model_loading.load(found, placement.place(settings, found.config)).model
    inputs = bench.plain.inputs([[clip_turn(QUESTIONS[0], bench.samples(10.0))]])
    with torch.no_grad():
        ids = bench.plain.model.generate(**inputs, max_new_tokens=64, do_sample=False)
        told = {**inputs, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
        exact = bench.plain.model(**told).logits[0, -65:-1].float()
        near = small(**told).logits[0, -65:-1].float()
    error = float((near - exact).norm() / exact.norm())
    same = float((near.argmax(-1) == exact.argmax(-1)).float().mean())
    return f"logits {error:.1%} off, the likeliest token the same at {same:.0%} of 64 places"


CASES: dict[str, Callable[[Bench], Iterator[Case]]] = {
    "questions": questions,
    "hearing": hearing,
    "chat": chat,
    "long": long,
    "overhead": overhead,
    "int8": int8,
}
