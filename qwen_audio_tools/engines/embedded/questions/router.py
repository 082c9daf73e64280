"""What a question asks of a clip: one task or two, by meaning, with words as tie-break.

The meaning of the question is compared with worded examples (`routes.toml`); rules tip the
balance. It knows nothing of the clip.
"""

import re
from dataclasses import dataclass

from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import (
    SentenceEncoder,
    shared_encoder,
)
from qwen_audio_tools.engines.embedded.questions import question_form
from qwen_audio_tools.engines.embedded.questions.routing_model import plain_form, routing_model
from qwen_audio_tools.engines.embedded.questions.routing_rules import tips
from qwen_audio_tools.engines.embedded.questions.sound_kinds import task_of_sound
from qwen_audio_tools.engines.embedded.questions.sound_names import labels_named

FALLBACK = "question"
# Below this, no example is like the question: it must be about the content.
UNLIKE_ANY = -0.6
# Each half of a double question must be as clear as this on its own.
CLEAR_HALF = 0.1
RULES_SHARE = 0.7
# Words that count this much in the table of rules name a task outright.
NAMES_TASK = 0.4
# A question about a sound that has a name ("is there a dog?") is about that sound.
NAMED_SOUND = 0.6


@dataclass(frozen=True, slots=True)
class ScoredTask:
    """A task and how well it fits, 0 to 1."""

    name: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a question asks. `tasks` are all to be answered: one, or two for a double question.

    `others` are the runners-up, best first. `language` is the question's (ISO 639-1), `options`
    the choices it offers, `subject` the X of "is there X"; `yes_no`, `counts` (how often) and
    `wants_time` (when) say what kind of answer is wanted.
    """

    tasks: tuple[ScoredTask, ...]
    others: tuple[ScoredTask, ...] = ()
    language: str = "en"
    options: tuple[str, ...] = ()
    yes_no: bool = False
    subject: str | None = None
    counts: bool = False
    wants_time: bool = False

    @property
    def task(self) -> str:
        """The name of the first task."""
        return self.tasks[0].name


def route(question: str, *, encoder: SentenceEncoder | None = None) -> Route:
    """Return what `question` asks; an empty one asks for a caption (what do you hear?)."""
    encoder = encoder or shared_encoder()
    language = question_form.language_of(question)
    options = question_form.choices(question)
    subject = None if options else question_form.subject_of(question, language)
    if not plain_form(question):
        return Route(tasks=(ScoredTask("caption", 1.0),), language=language)
    halves = [] if options else _halves(question)
    nouns = [] if options or halves else _noun_halves(question)
    ranked = _ranked([question, *halves, *nouns], encoder, subject)
    tasks = _double(ranked[1:]) or ranked[0][:1]
    chosen = {task.name for task in tasks}
    return Route(
        tasks=tuple(ScoredTask(task.name, _share(task.score)) for task in tasks),
        others=tuple(
            ScoredTask(task.name, _share(task.score))
            for task in ranked[0]
            if task.name not in chosen
        )[:3],
        language=language,
        options=options,
        yes_no=question_form.is_yes_no(question, language),
        subject=subject,
        counts=question_form.wants_count(question),
        wants_time=question_form.wants_time(question),
    )


def _ranked(
    questions: list[str], encoder: SentenceEncoder, subject: str | None
) -> list[list[ScoredTask]]:
    """Return every task for every question, best first, scores about -1 to 1.5."""
    model = routing_model(encoder)
    found = []
    for index, scores in enumerate(model.scores(questions, encoder)):
        fit = dict(zip(model.tasks.tolist(), map(float, scores), strict=True))
        words = tips(plain_form(questions[index]))
        if index == 0 and subject and not words.get(FALLBACK):
            named = task_of_sound(labels_named(subject))
            if named:
                words[named] = words.get(named, 0.0) + NAMED_SOUND
        if not words and max(fit.values()) < UNLIKE_ANY:
            fit[FALLBACK] = UNLIKE_ANY
        for task, weight in words.items():
            fit[task] = fit.get(task, -1.0) + RULES_SHARE * weight
        ranked = [ScoredTask(name, score) for name, score in fit.items()]
        found.append(sorted(ranked, key=lambda task: -task.score))
    return found


def _share(score: float) -> float:
    return round(min(1.0, max(0.0, (score + 1.0) / 2.0)), 3)


_ASKS = (
    "what|which|who|how|is|are|does|do|did|when|where|why|in which|in what|transcribe|translate|"
    "summari[sz]e|describe|list|tell|identify|give|count|say|write|detect|"
    "the (?:language|emotion|mood|speaker|music|sounds|words)"
)
_JOINT = re.compile(
    rf"\s*(?:[?？;；。]|,?\s+and(?: also| then)?\s+(?=(?:{_ASKS})\b)|\s+(?:plus|as well as)\s+|"
    r"[,，]\s*(?:并且|以及|还有|然后|同时|而且|并|再)?|并且|以及|还有)\s*",
    re.IGNORECASE,
)
_AND = re.compile(r",?\s+and\s+|\s*[和与及跟]\s*")


def _halves(question: str) -> list[str]:
    """Return the parts of a question that may be two, or nothing."""
    parts = [part.strip() for part in _JOINT.split(question) if part.strip()]
    long_enough = [part for part in parts if len(part.split()) > 1 or re.search("[一-鿿]{2}", part)]
    return long_enough if len(long_enough) == len(parts) == 2 else []


def _noun_halves(question: str) -> list[str]:
    """Return both parts of "gender and emotion", where each names its task in so many words."""
    parts = [part.strip() for part in _AND.split(plain_form(question)) if part.strip()]
    if len(parts) != 2:
        return []
    named = [
        {task for task, weight in tips(part).items() if weight >= NAMES_TASK} for part in parts
    ]
    return parts if all(named) and not named[0] & named[1] else []


def _double(ranked: list[list[ScoredTask]]) -> list[ScoredTask]:
    """Return both tasks if the halves are clear and differ."""
    if len(ranked) != 2:
        return []
    first, second = ranked[0][0], ranked[1][0]
    if first.name == second.name or min(first.score, second.score) < CLEAR_HALF:
        return []
    return [first, second]
