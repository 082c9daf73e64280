import numpy as np
import pytest

from qwen_audio_tools.engines.embedded.emotion.cues import voice_arousal
from qwen_audio_tools.engines.embedded.emotion.feeling_words import (
    denied_emotions,
    leanings,
    named_emotions,
)
from qwen_audio_tools.engines.embedded.emotion.places import (
    Estimate,
    likelihoods,
    place_of,
    places,
)
from qwen_audio_tools.engines.embedded.emotion.reading import (
    EmotionReading,
    Heard,
    choose,
    emotion_over_time,
    read_emotion,
)
from qwen_audio_tools.engines.embedded.emotion.valence import valences
from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import (
    SentenceEncoder,
    shared_encoder,
)
from qwen_audio_tools.engines.embedded.sounds.sound_scores import SoundScores
from qwen_audio_tools.engines.embedded.sounds.yamnet import LEVEL_SCORES
from qwen_audio_tools.engines.embedded.voices.voice_meter import VoiceMeter, voice_measures
from qwen_audio_tools.spans import Span
from qwen_audio_tools.testing import speech
from qwen_audio_tools.transcript import Segment

PLAIN = "The train leaves from platform four at half past nine."
POLAR = """\
What a lovely surprise, thank you so much.|+
This is the best day of my life.|+
I really enjoyed the concert last night.|+
Great job, I'm proud of you.|+
What a beautiful evening, I love being here with you.|+
Finally some good news from the hospital.|+
You lied to me again and I hate it.|-
I lost my job and I don't know what to do.|-
My grandmother died last week.|-
This is the worst service I have ever had.|-
He was killed in the accident.|-
I can't stand this noise any more.|-
我今天特别高兴，太棒了！|+
谢谢你，我非常喜欢这个礼物。|+
你做得真好，我为你骄傲。|+
这家餐厅的菜非常好吃。|+
我太幸运了！|+
我失业了，不知道该怎么办。|-
他又骗了我，我恨他。|-
这是我遇到过的最差的服务。|-
奶奶上个星期去世了，我很难过。|-
他在事故中受了重伤。|-
Estoy muy feliz, esto es maravilloso.|+
Gracias, me encanta este regalo.|+
Estoy orgullosa de ti.|+
Perdí mi trabajo y no sé qué hacer.|-
Tengo miedo de lo que va a pasar.|-
Qué asco, esto huele fatal.|-
Danke, das Geschenk gefällt mir sehr.|+
Das ist ja super, herzlichen Glückwunsch!|+
Ich bin wütend, das ist unverschämt.|-
Das war der schlechteste Service, den ich je hatte.|-
Merci, j'adore ce cadeau.|+
Nous avons gagné le match.|+
Je suis furieux, c'est scandaleux.|-
Quelle horreur, tout est cassé.|-"""
NEUTRAL = """\
The train leaves from platform four.
There are three books on the shelf.
The lake is two kilometres wide.
Our office is on the third floor of the blue building.
You can change trains in Cologne and go on to Paris.
火车从四号站台出发。
会议星期二九点开始。
这条河长六千公里。
第四课从第六十页开始。
El tren sale del andén cuatro.
El lago tiene dos kilómetros de ancho.
Der Zug fährt von Gleis vier ab.
Das Paket wiegt ungefähr drei Kilo.
Le train part du quai quatre.
Le colis pèse environ trois kilos."""


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return shared_encoder()


def heard(text: str, language: str = "en", **how: int) -> Heard:
    samples = speech(text, voice="cmn" if language == "zh" else "en-us", **how)
    meter = VoiceMeter()
    meter.feed(samples)
    end = len(samples) / 16_000
    return Heard(
        voice=meter.finish(),
        speech=(Span(0.0, end),),
        segments=(Segment(start=0.0, end=end, text=text),),
        language=language,
    )


def sounding(label_index: int, seconds: float = 5.0) -> SoundScores:
    """Scores in which one class is heard from 1 to 3 s and nothing else ever."""
    starts = np.arange(0.0, seconds - 0.96, 0.48).astype(np.float32)
    on = (starts > 1.0) & (starts < 2.5)
    return SoundScores(
        starts=starts,
        counts=on.astype(np.uint16),
        indices=np.full(int(on.sum()), label_index, np.uint16),
        levels=np.full(int(on.sum()), int(np.argmax(LEVEL_SCORES > 0.9)), np.uint8),
        loudness=np.full(int(seconds * 25), -30, np.int8),
        duration=seconds,
    )


def said(text: str, language: str = "en") -> Heard:
    return Heard(segments=(Segment(start=1.0, end=3.0, text=text),), language=language)


def test_a_plain_statement_is_neutral_or_calm(encoder: SentenceEncoder) -> None:
    for made in (heard(PLAIN), heard(PLAIN, pitch=25, rate_wpm=120)):
        reading = read_emotion(made, encoder=encoder)
        assert reading.label in ("neutral", "calm")
        assert reading.share < 0.6, "plain words are no strong evidence"


def test_happy_words_are_pleasant_and_quoted_with_times(encoder: SentenceEncoder) -> None:
    reading = read_emotion(heard("I'm so happy, this is wonderful!"), encoder=encoder)
    assert reading.label in ("happy", "excited")
    assert reading.valence > 0.5
    assert reading.cues[0].kind == "named"
    assert "I'm so happy" in reading.cues[0].text_en
    assert reading.cues[0].start == 0.0


def test_furious_words_in_an_active_voice_are_angry(encoder: SentenceEncoder) -> None:
    text = "I am furious, this is outrageous!"
    active = read_emotion(heard(text, pitch=90, pitch_range=99, rate_wpm=230), encoder=encoder)
    assert active.label == "angry"
    assert active.valence < -0.5
    slow = read_emotion(heard(text, pitch=20, pitch_range=10, rate_wpm=110), encoder=encoder)
    assert slow.valence < -0.5
    assert dict(slow.alternatives)["angry"] < dict(active.alternatives)["angry"]


def test_chinese_words_are_read_too(encoder: SentenceEncoder) -> None:
    assert read_emotion(said("我很生气，你怎么能这样做！", "zh"), encoder=encoder).label == "angry"
    happy = read_emotion(said("我太高兴了，真是个好消息！", "zh"), encoder=encoder)
    assert happy.label in ("happy", "excited")
    assert happy.label_zh in ("高兴", "兴奋")
    assert happy.cues[0].text_zh.startswith("高兴")


def test_a_raised_lively_fast_voice_has_more_arousal_than_a_low_flat_slow_one() -> None:
    lively = voice_measures(speech(PLAIN, pitch=90, pitch_range=99, rate_wpm=240), words=10)
    flat = voice_measures(speech(PLAIN, pitch=15, pitch_range=5, rate_wpm=110), words=10)
    assert voice_arousal(lively, None)[0].value > voice_arousal(flat, None)[0].value + 0.2


def test_recording_level_does_not_change_arousal() -> None:
    samples = speech(PLAIN)
    loud, soft = (voice_measures(samples * np.float32(gain)) for gain in (1.0, 0.1))
    assert voice_arousal(loud, None)[0].value == pytest.approx(
        voice_arousal(soft, None)[0].value, abs=0.05
    )


def test_nothing_heard_is_unclear_without_any_word() -> None:
    reading = read_emotion(Heard())
    assert (reading.label, reading.alternatives, reading.cues) == ("unclear", (), ())
    assert reading.label_zh == "无法判断"


def test_laughter_is_pleasant_and_crying_is_not() -> None:
    laughing = read_emotion(Heard(sounds=sounding(13)))
    crying = read_emotion(Heard(sounds=sounding(19)))
    assert laughing.label in ("happy", "excited")
    assert crying.label == "sad"
    assert laughing.cues[0].kind == "event"
    assert laughing.cues[0].text_zh.startswith("笑声")
    assert laughing.cues[0].start is not None
    assert laughing.cues[0].start > 0.5


def test_screaming_raises_arousal() -> None:
    assert read_emotion(Heard(sounds=sounding(11))).arousal > 0.8


def test_every_label_has_a_ground_and_shares_sum_to_one(encoder: SentenceEncoder) -> None:
    reading = read_emotion(said("I lost my job."), encoder=encoder)
    assert reading.cues
    assert sum(share for _, share in reading.alternatives) == pytest.approx(1.0, abs=0.01)
    assert reading.label == reading.alternatives[0][0]


def test_it_chooses_among_the_words_that_are_offered(encoder: SentenceEncoder) -> None:
    reading = read_emotion(said("I am so sad, I miss him."), encoder=encoder)
    assert choose(reading, ["happy", "sad", "angry"])[0][0] == "sad"
    assert choose(reading, ["开心", "悲伤", "愤怒"])[0][0] == "悲伤"
    assert choose(reading, ["joyful", "sorrowful"], encoder)[0][0] == "sorrowful"
    ranked = choose(reading, ["happy", "purple", "sad"])
    assert ranked[-1] == ("purple", 0.0)
    assert sum(share for _, share in ranked) == pytest.approx(1.0, abs=0.01)


def test_without_evidence_the_choice_is_the_calmest_word() -> None:
    assert choose(read_emotion(Heard()), ["angry", "neutral", "happy"])[0][0] == "neutral"


def test_words_go_to_their_place_in_both_languages(encoder: SentenceEncoder) -> None:
    expected = {"furious": "angry", "Joy": "happy", "恐惧": "afraid", "无聊": "tired"}
    for word, emotion in expected.items():
        place = place_of(word)
        assert place is not None
        assert place.emotion == emotion
    distant = place_of("heartache", encoder)
    assert distant is not None
    assert distant.valence < 0
    assert place_of("xylophone") is None


def test_each_place_is_the_likeliest_at_its_own_spot() -> None:
    for place in places():
        if place.emotion in ("neutral", "calm", "happy", "angry", "sad"):
            shares = likelihoods(Estimate(place.valence, 0.95), Estimate(place.arousal, 0.95), {})
            assert max(shares, key=lambda name: shares[name]) == place.emotion


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I am so angry with you", "angry"),
        ("I was really scared", "afraid"),
        ("We're so proud", "happy"),
        ("I'm sorry about that", "worried"),
        ("我真的很难过", "sad"),
        ("我有点担心", "worried"),
    ],
)
def test_feelings_that_are_named_are_found(text: str, emotion: str) -> None:
    assert emotion in dict(named_emotions(text))


@pytest.mark.parametrize(
    "text", ["I'm not angry at all", "He was angry", "我不生气", "The sad story"]
)
def test_feelings_that_are_denied_or_of_others_are_not_the_speakers(text: str) -> None:
    assert named_emotions(text) == ()


def test_a_denied_feeling_is_no_leaning(encoder: SentenceEncoder) -> None:
    assert "angry" in denied_emotions("I'm not angry at all.")
    lean = leanings([Segment(start=0, end=1, text="I'm not angry at all.")], encoder)
    assert "angry" not in lean


def test_valence_of_words_holds_across_five_languages(encoder: SentenceEncoder) -> None:
    polar = [line.rsplit("|", 1) for line in POLAR.splitlines()]
    right = 0
    for text, sign in polar:
        language = "en" if text.isascii() and "'adore" not in text else "xx"
        right += (valences([text], language, encoder)[0].value > 0) == (sign == "+")
    assert right >= 0.9 * len(polar)


def test_plain_sentences_have_no_sure_valence_in_five_languages(encoder: SentenceEncoder) -> None:
    found = valences(NEUTRAL.splitlines(), "xx", encoder)
    assert sum(score.certainty < 0.2 for score in found) >= 0.9 * len(found)


def test_english_needs_no_encoder_and_other_languages_say_that_they_do() -> None:
    assert valences(["This is wonderful!"], "en", None)[0].value > 0.4
    assert valences(["太棒了！"], "zh", None)[0].certainty == 0.0


def test_a_long_recording_is_read_stretch_by_stretch(encoder: SentenceEncoder) -> None:
    texts = ("I am so happy about it, this is great.", "I am so sad, I miss him.")
    segments = tuple(
        Segment(start=30.0 * k, end=30.0 * k + 20, text=text) for k, text in enumerate(texts)
    )
    speech_spans = tuple(Span(segment.start, segment.end) for segment in segments)
    told = Heard(segments=segments, speech=speech_spans, language="en")
    readings: tuple[tuple[Span, EmotionReading], ...]
    readings = emotion_over_time(told, encoder=encoder, seconds=25.0)
    assert [reading.label for _, reading in readings] == ["happy", "sad"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("I feel terrible about this.", ["sad"]),
        ("I am afraid of the dark.", ["afraid"]),
        ("I am afraid not, the tests are late.", []),
        ("I'm afraid that we are closed.", []),
    ],
)
def test_a_feeling_is_named_by_its_owner_and_manners_are_no_feeling(text, named):
    assert [name for name, _ in named_emotions(text)] == named
