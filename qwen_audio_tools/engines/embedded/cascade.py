"""From a question about clips to answers: route, listen with the experts it needs, write."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwen_audio_tools.answer import Coverage, Evidence, Usage
from qwen_audio_tools.engines import BUILTIN
from qwen_audio_tools.engines.base import Delta, Options
from qwen_audio_tools.engines.embedded.analysis import Analysis, Expert, analyse, check
from qwen_audio_tools.engines.embedded.answers import writer
from qwen_audio_tools.engines.embedded.answers.phrases import Say
from qwen_audio_tools.engines.embedded.answers.written import Asked, Written, placed
from qwen_audio_tools.engines.embedded.questions.router import Route, route
from qwen_audio_tools.engines.embedded.questions.sound_names import labels_for

if TYPE_CHECKING:
    from qwen_audio_tools.clip import Clip
    from qwen_audio_tools.engines.embedded.models import Models

NEEDS: dict[str, frozenset[Expert]] = {
    "transcribe": frozenset({Expert.WORDS}),
    "translate": frozenset({Expert.WORDS, Expert.ENGLISH}),
    "language": frozenset({Expert.WORDS}),
    "emotion": frozenset({Expert.WORDS, Expert.SOUNDS, Expert.VOICE}),
    "speaker": frozenset({Expert.WORDS, Expert.VOICE}),
    "voice": frozenset({Expert.VOICE}),
    "speakers": frozenset({Expert.SPEAKERS}),
    "vocal_sound": frozenset({Expert.SOUNDS}),
    "sound_events": frozenset({Expert.SOUNDS}),
    "caption": frozenset({Expert.WORDS, Expert.SOUNDS}),
    "music": frozenset({Expert.SOUNDS}),
    "summarize": frozenset({Expert.WORDS}),
    "question": frozenset({Expert.WORDS}),
    "compare": frozenset({Expert.WORDS, Expert.SOUNDS, Expert.VOICE}),
}

# Tasks that only speech can answer: without any, the sounds are what is left to tell.
_OF_SPEECH = ("question", "summarize")
_VAGUE = frozenset({"Noise", "Environmental noise", "White noise", "Static", "Sound effect"})
_ABOUT_SOUNDS = ("sound_events", "vocal_sound", "music")


@dataclass(frozen=True, slots=True)
class Plan:
    """The question as it was understood: which tasks, and in which language to answer."""

    asked: Asked
    tasks: tuple[str, ...]
    language: str

    @property
    def needs(self) -> frozenset[Expert]:
        """The experts that these tasks need."""
        return frozenset().union(*(NEEDS[name] for name in self.tasks))


def answer_clips(
    clips: Sequence["Clip"], question: str, models: "Models", options: Options
) -> Iterator[Delta]:
    """Yield the answer about each clip; with the task "compare" one answer about all of them."""
    for clip in clips:
        check(clip, models)
    models.fetch(["sentence-encoder"], options.progress)
    plan = make_plan(question, models, options)
    if len(clips) > 1 and "compare" in plan.tasks:
        yield _compare(clips, plan, models, options)
        return
    for index, clip in enumerate(clips):
        delta = _answer(clip, plan, models, options)
        heading = f"{clip.name}: " if len(clips) > 1 else ""
        yield replace(delta, text=("\n" if index else "") + heading + delta.text)


def make_plan(question: str, models: "Models", options: Options) -> Plan:
    """Understand a question; an explicit task wins over what the words seem to ask."""
    routed = route(question, encoder=models.encoder)
    tasks = tuple(options.task.split("+")) if options.task else _names(routed)
    labels: tuple[tuple[str, float], ...] = ()
    if question and set(tasks) & set(_ABOUT_SOUNDS):
        labels = _labels(question, routed, models)
    asked = Asked(question, routed, models.encoder, labels)
    return Plan(asked, tasks, options.lang or (routed.language if question else "en"))


def _names(routed: Route) -> tuple[str, ...]:
    return tuple(task.name for task in routed.tasks)


def _labels(question: str, routed: Route, models: "Models") -> tuple[tuple[str, float], ...]:
    """Return the sound classes that the question is about."""
    # Words that name a class, of the subject or the question, before a meaning that is near.
    found = labels_for(routed.subject or "") or labels_for(question)
    if routed.subject and not found:
        found = labels_for(routed.subject, encoder=models.encoder)
    # "What is that noise?" asks for a name, not for noise.
    vague = not routed.yes_no and bool(found) and found[0][0] in _VAGUE
    return () if vague else found


def _answer(clip: "Clip", plan: Plan, models: "Models", options: Options) -> Delta:
    heard = analyse(clip, plan.needs, models, options)
    if not heard.speech and not options.task and set(plan.tasks) & set(_OF_SPEECH):
        plan = _without_speech(plan, models)
        heard = analyse(clip, plan.needs, models, options)
    say = Say(plan.language, heard.offset)
    written = [writer(name)(heard, plan.asked, say) for name in plan.tasks]
    return _delta(heard, plan, written, say)


def _without_speech(plan: Plan, models: "Models") -> Plan:
    """Return what is left of a question about content: a sound that it names, or the scene."""
    labels = _labels(plan.asked.text, plan.asked.route, models)
    asked = replace(plan.asked, labels=labels)
    return replace(plan, asked=asked, tasks=("sound_events" if labels else "caption",))


def _compare(clips: Sequence["Clip"], plan: Plan, models: "Models", options: Options) -> Delta:
    from qwen_audio_tools.engines.embedded.answers.scene import write_comparison

    analyses = [analyse(clip, NEEDS["compare"], models, options) for clip in clips]
    written = write_comparison(analyses, Say(plan.language))
    return Delta(
        text=written.text,
        evidence=written.evidence,
        coverage=sum((heard.coverage_in_recording for heard in analyses), Coverage(0.0, 0.0)),
        usage=Usage(seconds_heard=sum(heard.duration for heard in analyses)),
        warnings=tuple(warning for heard in analyses for warning in heard.warnings),
        task="compare",
    )


def _delta(heard: Analysis, plan: Plan, written: Sequence[Written], say: Say) -> Delta:
    evidence: dict[Evidence, None] = {}
    for part in written:
        evidence.update(dict.fromkeys(placed(part.evidence, heard)))
    warnings = [warning for part in written for warning in part.warnings]
    if any(part.limited for part in written):
        warnings.append(_who_could(say))
    return Delta(
        text="\n".join(part.text for part in written if part.text),
        evidence=tuple(evidence),
        coverage=heard.coverage_in_recording,
        usage=Usage(seconds_heard=heard.duration),
        warnings=(*heard.warnings, *warnings),
        task="+".join(plan.tasks),
    )


def _who_could(say: Say) -> str:
    """Name the engines that reason about what they hear, which this one doesn't."""
    others = [f"--engine {name}" for name in BUILTIN if name != "embedded"]
    return say("others_could", engines=say.join(others))
