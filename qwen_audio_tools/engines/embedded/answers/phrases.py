"""The sentences that answers are made of, in English and Chinese, and nothing else.

`Say("zh")("no_speech")` gives the Chinese wording. A phrase only frames evidence: whatever stands
in an answer beyond these words was measured or heard.
"""

from collections.abc import Iterable

from qwen_audio_tools.spans import clock

PHRASES: dict[str, tuple[str, str]] = {
    # speech
    "no_speech": (
        "No speech was found in {seconds} s of audio.",
        "在 {seconds} 秒音频中没有发现语音。",
    ),
    "no_words": (
        "Someone seems to speak at {times}, but no words could be made out.",
        "{times} 似乎有人说话，但听不清内容。",
    ),
    "language": (
        "The speech is in {name} ({percent} % sure).",
        "说的是{name}（把握 {percent}%）。",
    ),
    "language_unsure": (
        "The language is most likely {name}, but that is uncertain ({percent} %).",
        "最可能是{name}，但不太确定（{percent}%）。",
    ),
    "translation": ("In English: {text}", "英文译文：{text}"),
    "already_english": ("The speech is already in English: {text}", "说的本来就是英语：{text}"),
    "quote": ('{speaker}"{text}" ({time})', "{speaker}“{text}”（{time}）"),
    "not_said": (
        "Nothing that was said clearly answers that. Nearest in meaning, and perhaps beside it:",
        "没有哪句话明确回答这个问题。意思最接近、但未必相关的是：",
    ),
    "cant_judge": (
        "Can't tell yes or no: this engine quotes, it does not reason. What was said nearest to it "
        "(score {score}):",
        "无法判断是或否：这个引擎只引用原话，不作推理。最接近的原话（得分 {score}）：",
    ),
    "extract": ("In short, in the speakers' own words:", "要点（摘自原话）："),
    "whole_is_short": ("It is short; all that is said: {text}", "内容很短，全文是：{text}"),
    # voice and emotion
    "emotion_likely": (
        "Most likely {label} ({percent} %; next {others}).",
        "最可能是{label}（{percent}%；其次 {others}）。",
    ),
    "emotion_unclear": (
        "No emotion stands out: nearest is {label} ({percent} %), then {others}.",
        "没有明显的情绪：最接近的是{label}（{percent}%），其次 {others}。",
    ),
    "emotion_negative": (
        "A negative feeling; which one is less sure: {label} {percent} %, {others}.",
        "负面情绪；具体是哪种不太确定：{label} {percent} %、{others}。",
    ),
    "emotion_positive": (
        "A positive feeling; which one is less sure: {label} {percent} %, {others}.",
        "正面情绪；具体是哪种不太确定：{label} {percent} %、{others}。",
    ),
    "emotion_choice": (
        "Of these, {label} fits best ({percent} %), before {others}.",
        "其中“{label}”最符合（{percent}%），其次 {others}。",
    ),
    "emotion_yes": ("Yes, probably {label} ({percent} %).", "是的，很可能{label}（{percent}%）。"),
    "emotion_no": (
        "No sign of it: {label} gets {percent} %, the nearest is {best}.",
        "没有这种迹象：{label}只有 {percent}%，最接近的是{best}。",
    ),
    "emotion_cant_tell": (
        "Can't tell for sure: {label} gets {percent} %, the nearest is {best}.",
        "不能确定：{label}为 {percent}%，最接近的是{best}。",
    ),
    "words_pleasant": ("The words are pleasant.", "言语是积极的。"),
    "words_unpleasant": ("The words are unpleasant.", "言语是消极的。"),
    "words_neutral": ("The words are neutral.", "言语是中性的。"),
    "voice_calm": ("The voice is calm.", "声音平静。"),
    "voice_even": ("The voice is neither calm nor agitated.", "声音既不平静也不激动。"),
    "voice_active": ("The voice is agitated.", "声音激动。"),
    "emotion_limit": (
        "From a voice alone this engine tells only how agitated it is, not which emotion.",
        "仅凭声音，这个引擎只能判断激动程度，不能判断是哪种情绪。",
    ),
    "no_voice": (
        "There is no speech here, so no speaker's emotion can be told.",
        "这里没有语音，因此无法判断说话人的情绪。",
    ),
    "pitch": (
        "median pitch {hertz} Hz (range {low} to {high} Hz)",
        "音高中位数 {hertz} Hz（{low}–{high} Hz）",
    ),
    "pace": ("{rate} words a minute", "每分钟约 {rate} 词"),
    "pauses": ("{count} pauses, {share} % of the time", "{count} 次停顿，占 {share}% 的时间"),
    "loudness": ("speech level {db} dBFS", "语音电平 {db} dBFS"),
    "voice_is": ("The voice: {measures}.", "声音特征：{measures}。"),
    "voice_male": (
        "By its pitch it is probably a man's voice ({percent} %).",
        "按音高推测可能是男声（{percent}%）。",
    ),
    "voice_female": (
        "By its pitch it is probably a woman's or a child's voice, or a man's raised one "
        "({percent} %).",
        "按音高推测可能是女声或童声，也可能是提高的男声（{percent}%）。",
    ),
    "voice_between": (
        "Its pitch lies between typical men's and women's voices, so it does not tell the gender.",
        "音高介于典型男声与女声之间，无法据此判断性别。",
    ),
    "age_unknown": ("Age can't be told by these models.", "这些模型无法判断年龄。"),
    "one_speaker": (
        "One voice ({percent} % sure that it is not several).",
        "只有一个人的声音（{percent}% 的把握不是多人）。",
    ),
    "many_speakers": (
        "More than one voice ({percent} % sure); the best estimate is {count}: {who}.",
        "不止一个人的声音（把握 {percent}%），最可能是 {count} 个：{who}。",
    ),
    "speaks_for": ("{name} speaks {seconds} s", "{name} 说了 {seconds} 秒"),
    "turns": ("In turns: {turns}.", "依次为：{turns}。"),
    # sounds
    "sounds": ("Heard: {sounds}.", "听到：{sounds}。"),
    "sound_at": ("{name} ({times})", "{name}（{times}）"),
    "no_sounds": (
        "No particular sound stands out in {seconds} s of audio.",
        "在 {seconds} 秒音频中没有突出的声音。",
    ),
    "nothing": ("nothing in particular", "没有突出的声音"),
    "only_speech": ("Nothing but speech stands out.", "除了语音，没有其他突出的声音。"),
    "silent": ("The recording is silent.", "录音是静音。"),
    "yes_sound": (
        "Yes, at {times}: {name} (score {score}).",
        "有：{name}，{times}（得分 {score}）。",
    ),
    "found_sound": (
        "{name} at {times} (score {score}).",
        "{name}：{times}（得分 {score}）。",
    ),
    "maybe_sound": (
        "Possibly, at {times}: something like {name}, but with a low score ({score}).",
        "可能有：{times} 有类似{name}的声音，但得分较低（{score}）。",
    ),
    "no_sound": (
        "No evidence of {name} in {seconds} s of audio (highest score {score}).",
        "在 {seconds} 秒音频中没有发现{name}（最高得分 {score}）。",
    ),
    "under_speech": (
        "A quiet sound under speech can be missed.",
        "语音之下较弱的声音可能听不出来。",
    ),
    "unknown_sound": (
        "The sound model has no class for that, so it can't tell. What it heard: {sounds}.",
        "声音模型没有这一类别，无法判断。听到的是：{sounds}。",
    ),
    "count_sounds": (
        "In {count} separate stretches; repeats within a stretch can't be counted.",
        "分为 {count} 段；同一段之内的重复无法计数。",
    ),
    "count_one": (
        "In one stretch; repeats within it can't be counted.",
        "只有一段；段内的重复无法计数。",
    ),
    "music_yes": ("There is music: {kinds} ({times}).", "有音乐：{kinds}（{times}）。"),
    "music_no": (
        "No evidence of music in {seconds} s of audio (highest score {score}).",
        "在 {seconds} 秒音频中没有发现音乐（最高得分 {score}）。",
    ),
    "music_limit": (
        "Tempo, key and what a piece expresses are beyond this engine.",
        "速度、调性和音乐表达的内容超出了这个引擎的能力。",
    ),
    "no_vocal": (
        "No laughter, cough, sigh or other such sound was found in {seconds} s of audio.",
        "在 {seconds} 秒音频中没有发现笑声、咳嗽、叹气之类的声音。",
    ),
    # scene
    "scene": ("A {seconds} s recording{language}.", "一段 {seconds} 秒的录音{language}。"),
    "scene_language": (" with {share} % speech, in {name}", "，其中 {share}% 是{name}语音"),
    "scene_no_speech": (" without speech", "，没有语音"),
    "scene_words": ('It begins: "{text}"', "开头说：“{text}”"),
    # what this engine can't
    "others_could": (
        "Qwen2-Audio may tell more, it reasons about what it hears: {engines} (see: qwa engines)",
        "Qwen2-Audio 会对所听内容进行推理，也许能说得更多：{engines}（见：qwa engines）",
    ),
    "compared": ("Compared:", "比较："),
    "same": ("{what}: the same ({value})", "{what}：相同（{value}）"),
    "differs": ("{what}: {values}", "{what}：{values}"),
}

_LANGUAGES = ("en", "zh")


class Say:
    """Gives the phrases of one language; a language that has none is answered in English.

    `offset` is where the clip starts in its recording, in seconds: experts count from the start
    of the clip, people from the start of the recording.
    """

    def __init__(self, language: str, offset: float = 0.0) -> None:
        self.language = language if language in _LANGUAGES else "en"
        self.offset = offset

    def __call__(self, key: str, **values: object) -> str:
        """Return the phrase with its values filled in."""
        return PHRASES[key][_LANGUAGES.index(self.language)].format(**values)

    def either(self, english: str, chinese: str) -> str:
        """Return the one of two wordings that is in this language."""
        return chinese if self.language == "zh" else english

    def at(self, start: float, end: float | None = None) -> str:
        """Return a time or a span of the clip as times of the recording."""
        first = clock(start + self.offset)
        return first if end is None else f"{first}–{clock(end + self.offset)}"

    def join(self, parts: Iterable[str]) -> str:
        """Join the items of a list within a sentence."""
        return ("、" if self.language == "zh" else ", ").join(parts)

    def sentences(self, parts: Iterable[str]) -> str:
        """Join sentences; Chinese ones stand without a space between."""
        return ("" if self.language == "zh" else " ").join(part for part in parts if part)
