"""A recording heard in parts: every word that was said is told, and told once."""

import random
from itertools import pairwise

import numpy as np
import pytest

from qwen_audio_tools.asking import ask, transcribe
from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import clips
from qwen_audio_tools.engines.base import Options
from qwen_audio_tools.parts import MARGIN, parts
from qwen_audio_tools.seams import joined, without_overlap
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing import RATE, silence, speech, white_noise
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

WORDS = [
    *("seven", "wizards", "quietly", "count", "golden", "coins", "beneath", "a", "silver", "moon"),
    *("and", "every", "river", "carries", "stories", "toward", "an", "endless", "sea", "where"),
    *("old", "captains", "remember", "storms", "while", "young", "sailors", "dream", "about"),
    *("islands", "full", "of", "spices", "and", "music", "and", "laughter"),
]
WRITES = frozenset({Ability.TRANSCRIBE})


class Recording:
    """Spoken words one after the other, each with the seconds in which it is heard."""

    def __init__(self, words: list[str], *, pause_s: float = 0.0, noise: float = 0.0) -> None:
        pieces, at, self.words = [], 0.0, []
        for word in words:
            sound = np.trim_zeros(speech(word))
            self.words.append((word, at, at + len(sound) / RATE))
            pieces += [sound, silence(pause_s)] if pause_s else [sound]
            at += len(sound) / RATE + pause_s
        samples = np.concatenate(pieces)
        samples = samples + noise * white_noise(len(samples) / RATE)[: len(samples)]
        self.clip = Clip((samples.astype(np.float32), RATE))

    def heard(self, conversation) -> str:
        """Write down the words of the conversation's clip; of a cut word only the letters in it."""
        (clip,) = clips(conversation)
        first, last = clip.start or 0.0, clip.end or clip.duration
        return " ".join(
            piece
            for word, start, end in self.words
            if (
                piece := _piece(
                    word, (first - start) / (end - start), (last - start) / (end - start)
                )
            )
        )


def _piece(word: str, first: float, last: float) -> str:
    count = len(word)
    return word[round(max(0.0, first) * count) : round(min(1.0, max(0.0, last)) * count)]


@pytest.fixture(scope="module")
def runs_on() -> Recording:
    """Speech in noise, without any pause to cut at."""
    return Recording(WORDS * 2, noise=0.1)


@pytest.fixture(scope="module")
def pausing() -> Recording:
    """Words with a pause after each of them."""
    return Recording(WORDS, pause_s=0.4)


def listener(recording: Recording, window: float) -> ScriptedEngine:
    return ScriptedEngine([recording.heard] * 100, window=window, abilities=WRITES)


@pytest.mark.parametrize("window", [7.0, 9.5, 12.0, 20.0])
def test_words_that_a_cut_goes_through_are_told_once_and_whole(runs_on, window):
    engine = listener(runs_on, window)
    answer = ask(runs_on.clip, engine=engine, options=Options(task="transcribe"))
    assert answer.text.split() == WORDS * 2
    assert answer.warnings == ()
    assert len(engine.heard) > 1


def test_without_the_overlap_words_would_be_lost(runs_on):
    # The made listener would show it: plain joining of its plain windows breaks words.
    plain = [runs_on.heard(_turn(part.clip)) for part in parts(runs_on.clip, 9.5)]
    assert " ".join(plain).split() != WORDS * 2


def _turn(clip: Clip):
    from qwen_audio_tools.conversation import user

    return [user(clip)]


def test_at_pauses_nothing_is_heard_twice(pausing):
    found = list(parts(pausing.clip, 8.0, margins=True))
    assert len(found) > 2
    assert not any(part.overlaps for part in found)
    assert [(part.clip.start, part.clip.end) for part in found] == [part.span for part in found]
    answer = ask(pausing.clip, engine=listener(pausing, 8.0), options=Options(task="transcribe"))
    assert answer.text.split() == WORDS


def test_a_word_said_twice_over_a_pause_is_told_twice():
    # Joined like an overlap, one "no" would be gone.
    recording = Recording(["no"] * 40, pause_s=0.5)
    answer = ask(
        recording.clip, engine=listener(recording, 8.0), options=Options(task="transcribe")
    )
    assert answer.text.split() == ["no"] * 40


def test_parts_answer_for_every_second_once_and_fit_the_window(runs_on):
    found = list(parts(runs_on.clip, 9.0, margins=True))
    assert found[0].span.start == 0
    assert found[-1].span.end == pytest.approx(runs_on.clip.duration)
    for before, after in pairwise(found):
        assert after.span.start == before.span.end
        assert after.overlaps
        assert before.clip.end - after.clip.start == pytest.approx(2 * MARGIN)
    assert all(part.clip.duration <= 9.0 + 1e-6 for part in found)


def test_the_segments_of_a_transcript_hold_what_the_text_holds(runs_on):
    transcript, answer = transcribe(runs_on.clip, engine=listener(runs_on, 9.5))
    assert joined(segment.text for segment in transcript.segments) == answer.text
    assert transcript.text.split() == WORDS * 2
    ends = [segment.end for segment in transcript.segments]
    assert [segment.start for segment in transcript.segments] == [0.0, *ends[:-1]]
    assert answer.coverage.complete
    assert answer.coverage.total == pytest.approx(runs_on.clip.duration)


def test_times_and_words_of_a_cut_clip_are_those_of_the_recording(runs_on):
    answer = ask(
        runs_on.clip[5.0:30.0], engine=listener(runs_on, 9.5), options=Options(task="transcribe")
    )
    inside = [word for word, start, end in runs_on.words if start >= 5.0 and end <= 30.0]
    assert set(inside) <= set(answer.text.split())
    assert answer.evidence[0].start == 5.0
    assert answer.evidence[-1].end == 30.0


def test_what_can_not_be_matched_is_kept_and_said(runs_on):
    engine = ScriptedEngine([f"part {n} entirely{n}" for n in range(100)], 9.5, WRITES)
    answer = ask(runs_on.clip, engine=engine, options=Options(task="transcribe"))
    assert answer.text.split()[:6] == ["part", "0", "entirely0", "part", "1", "entirely1"]
    assert any("missing or doubled" in warning for warning in answer.warnings)


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("the quick brown f", "uick brown fox jumps", "the quick brown fox jumps"),
        ("the quick brown fox.", "Brown fox, jumps.", "the quick brown fox, jumps."),
        ("it costs 200,000", "costs 200,000 dollars", "it costs 200,000 dollars"),
        ("今天天气很", "天气很好，我们走吧", "今天天气很好，我们走吧"),
        ("I don't know", "don't know why", "I don't know why"),
    ],
)
def test_an_overlap_is_told_once(before, after, whole):
    assert joined(without_overlap(before, after)) == whole


def test_one_word_in_common_far_from_the_seam_is_no_overlap():
    assert without_overlap("the dog ran over all those green hills", "and then the cat") is None


def test_chinese_is_joined_without_spaces_and_english_with_them():
    assert joined(["你好。", "再见。"]) == "你好。再见。"
    assert joined([" one ", "", "two"]) == "one two"
    assert joined(["你好", "hello"]) == "你好 hello"


def test_any_overlap_of_any_words_gives_back_the_whole():
    choice = random.Random(1)
    for _ in range(300):
        said = [f"{choice.choice(WORDS)}{choice.randint(0, 30)}" for _ in range(40)]
        cut, reach = choice.randint(8, 32), choice.randint(2, 6)
        before = [*said[: cut + reach], said[cut + reach][:1]]
        after = [said[cut - reach - 1][1:], *said[cut - reach :]]
        assert joined(without_overlap(" ".join(before), " ".join(after))).split() == said
