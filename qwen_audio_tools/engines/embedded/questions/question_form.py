"""The form of a question: its language, whether yes or no will do, the choices and subject in it.

It reads words only; what the question is after is for the router.
"""

import re

_FINAL_MARKS = "?？。.!！ "
_SCRIPTS = (
    ("ja", r"[\u3040-\u30ff]"),
    ("ko", r"[\uac00-\ud7af]"),
    ("zh", r"[\u3400-\u9fff]"),
    ("ru", r"[\u0400-\u04ff]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("th", r"[\u0e00-\u0e7f]"),
)
_FREQUENT = {
    "en": "the is are was what which who how does do did she he they this that of and there in to "
    "you hear any a",
    "es": "el la los las qué que cómo quién cuántas cuántos dónde es está hay en de del se una un "
    "por y",
    "de": "der die das ist sind was wer wie welche wo wann ein eine es gibt man und in den hört er "
    "sie",
    "fr": "le la les est sont quel quelle quels qui que combien où il elle y a-t-il un une des de "
    "ce dans",
    "pt": "o os as é são qual quem como onde há uma um em do da não você está quantas",
    "it": "il lo gli è sono quale chi come dove c'è una un di che quanti nella cosa",
}
_ARTICLE = r"(?:an?|the|some|any|in|on|from|at|like|more|to be|being|been|or)"
_NOT_A_CHOICE = {"not", "what", "so", "something", "else", "another", "other", "something else"}
_SMALL_WORDS = (
    "is are was were does do did it he she they this that there i you we sound sounds seem "
    "seems feel feels speaking talking in on from a an the voice speaker recorded "
)
_SMALL = frozenset(_SMALL_WORDS.split())
_YES_NO_EN = re.compile(
    r"^(?:so |and |but |please )?(?:is|are|was|were|am|does|do|did|has|have|had|can|could|will|"
    r"would|should|isn't|aren't|doesn't|don't|didn't|any|anyone|anybody)\b"
)
_REQUEST_EN = re.compile(
    r"^(?:can|could|will|would) (?:you|u|we|i|somebody|someone) (?!(?:hear|detect|find|notice)\b)"
)
_YES_NO_ZH = re.compile(
    r"吗|是不是|有没有|是否|对不对|能不能听|没有$|了没$|有无|(.)不\1|(..)不\2|[听能]得[到见出]么"
)
_REQUEST_ZH = re.compile(r"(?:能|能不能|可以|可不可以|麻烦|请).{0,2}(?:帮|请|给我|翻译|总结|转)")
_YES_NO_OTHER = re.compile(
    r"^¿?(?:hay|es|está|se oye|ist|sind|gibt es|hat|bellt|est-ce|y a-t-il|c'è|há)\b|"
    r"^.*(?:est-ce que|ですか|ますか)"
)


def language_of(text: str) -> str:
    """Return the likely language of a question as an ISO 639-1 code; "en" where unsure."""
    for language, script in _SCRIPTS:
        if re.search(script, text):
            return language
    words = set(re.findall(r"[\w'-]+", text.lower()))
    counts = {code: len(words & set(frequent.split())) for code, frequent in _FREQUENT.items()}
    best = max(counts, key=lambda code: (counts[code], code == "en"))
    return best if counts[best] > counts["en"] else "en"


def is_yes_no(text: str, language: str) -> bool:
    """Tell whether the question can be answered by yes or no; a choice of words can't."""
    text = text.strip().lower().rstrip(_FINAL_MARKS)
    if choices(text):
        return False
    if language == "zh":
        return bool(_YES_NO_ZH.search(text)) and not _REQUEST_ZH.search(text)
    if language == "en":
        return bool(_YES_NO_EN.search(text)) and not _REQUEST_EN.search(text)
    return bool(_YES_NO_OTHER.search(text))


def choices(text: str) -> tuple[str, ...]:
    """Return the words that a question lets one choose from: ("angry", "happy", "sad"), or ()."""
    text = text.strip().rstrip(_FINAL_MARKS)
    listed = re.search(
        r"(?:options?|choices?|choose (?:from|between|among)|which of these[^:]*|one of)"
        r"\s*:?\s+(.+)$|选项\s*[::：]\s*(.+)$|从(.+?)[中里]选",
        text,
        re.IGNORECASE,
    )
    if listed:
        parts = _split(next(group for group in listed.groups() if group))
        if len(parts) > 1:
            return parts
    if re.search(r"[\u4e00-\u9fff].*还是|还是.*[\u4e00-\u9fff]", text):
        return _chinese_choices(text)
    return _english_choices(text)


def _split(text: str) -> tuple[str, ...]:
    parts = re.split(r"\s*[,;、，;/]\s*(?:or |and )?|\s+(?:or|and)\s+|或者?|还是", text)
    return tuple(part.strip(" .\"'“”") for part in parts if part.strip(" .\"'“”"))


def _english_choices(text: str) -> tuple[str, ...]:
    found = re.search(r"^(.*?),?\s+or\s+([^,.;?]+)$", text, re.IGNORECASE)
    if not found:
        return ()
    left, last = found.group(1), _bare(found.group(2))
    if last.lower() in _NOT_A_CHOICE or not last:
        return ()
    *items, nearest = re.split(r"\s*,\s*", left.rsplit(":", 1)[-1])
    width = len(last.split())
    if items:
        first, *middle = items
        return (_tail(first, width), *(_bare(item) for item in (*middle, nearest)), last)
    return (_tail(nearest, width), last)


def _bare(words: str) -> str:
    return re.sub(rf"^(?:{_ARTICLE}\s+)+", "", words.strip(), flags=re.IGNORECASE).strip(" '\"")


def _tail(words: str, width: int) -> str:
    """Return the end of `words` that is as long as the other choices, or starts at its article."""
    parts = words.split()
    for back in range(1, min(5, len(parts)) + 1):
        if parts[-back].lower() in ("a", "an", "the") and 1 < back <= max(width, 1) + 1:
            return " ".join(parts[-back + 1 :])
    kept = parts[-max(1, width) :]
    while len(kept) > 1 and kept[0].lower() in _SMALL:
        kept = kept[1:]
    return _bare(" ".join(kept))


def _chinese_choices(text: str) -> tuple[str, ...]:
    *lefts, last = text.split("还是")
    last = re.sub(r"(?:呢|吗|啊|的声音|在说话|说话|在讲话|[,，。].*)$", "", last.strip())
    items = [part for left in lefts for part in _split(left)]
    if not items or not last:
        return ()
    marker = "在" if last.startswith("在") else "是"
    items[0] = items[0].rsplit(marker, 1)[-1]
    items[0] = re.sub(r"^.*(?:听起来|听上去|觉得|比较|属于|像|[::：])", "", items[0])
    stripped = [re.sub(r"^(?:[是在有像]|来自)+", "", item) for item in (*items, last)]
    return tuple(item for item in stripped if item)


_SUBJECT_EN = (
    r"(?:is|are|was|were) there (?:any )?(?:sounds? of |signs? of |evidence of )?(.+)",
    r"(?:do|can|could|did) (?:you|i|we|one) (?:also )?(?:hear|detect|notice|find) (.+)",
    r"can (.+?) be heard",
    r"(?:does|do) (?:it|this|the \w+) (?:\w+ )?(?:contain|have|include) (.+)",
    r"(?:when|how many times|how often|at (?:what|which) (?:second|time|point)) "
    r"(?:does|do|did|is|are|was|were|can) (.+)",
    r"how long (?:does|do|did|is) (.+?)(?: last| go on)?",
    r"(?:is|are|was|were|does|do|did) ((?:an?|the|any|some|somebody|someone|anybody|anyone|"
    r"people|he|she|they|\w+) .+)",
    r"any (.+)",
)
_SUBJECT_ZH = (
    r"(?:里面|录音里|音频里|背景里|背景中|这里|其中)?(?:有没有|是否有|有无)(?:听到|出现)?(.+)",
    r"(?:能不能|能否|能|可以|是否)?(?:听到|听见|听得到|听得见)(?:有)?(.+?)(?:了)?吗",
    r"(?:里面|录音里|音频里|背景里|背景中|这里|其中)?有(.+?)吗",
    r"(.+?)(?:是)?(?:在)?(?:什么时候|几时|第几秒|何时).*",
    r"(.+?)了?(?:几|多少)(?:次|声|下|遍).*",
    r"(.+?)(?:了没有|了吗|在.吗|吗)",
)
_WRAPPING_EN = re.compile(
    r"^(?:an?|the|any|some|somebody|someone|anybody|anyone|people|he|she|they|is|does|of)\s+|"
    r"\s+(?:in (?:the|this|it)\b.*|here|there|heard|at the (?:end|beginning|start)|sounds?|"
    r"noises?|on the recording|playing|audible|or not|start|begin|happen|occur|please)$"
)
_WRAPPING_ZH = re.compile(
    r"^(?:有|人|谁|一[个只声]|那[个只]|听到)|(?:的?声音?|的声响|出现|吗|了|在)$"
)


def subject_of(text: str, language: str) -> str | None:
    """Return the X of "is there X", "when does X", "有没有X"; None where there is none."""
    text = text.strip().lower().rstrip(_FINAL_MARKS)
    patterns, wrapping = (
        (_SUBJECT_ZH, _WRAPPING_ZH) if language == "zh" else (_SUBJECT_EN, _WRAPPING_EN)
    )
    if language not in ("en", "zh"):
        return None
    for pattern in patterns:
        if found := re.fullmatch(pattern, text):
            subject = found.group(1).strip()
            while (bare := wrapping.sub("", subject).strip()) != subject and bare:
                subject = bare
            return subject or None
    return None


def wants_count(text: str) -> bool:
    """Tell whether the question asks how often something happens."""
    return bool(re.search(r"how many\b|how often|几[次声遍下]|多少[次声遍下]", text.lower()))


def wants_time(text: str) -> bool:
    """Tell whether the question asks at what time of the recording something happens."""
    pattern = (
        r"\bwhen\b|at (?:what|which) (?:second|minute|point)|timestamps?|什么时候|何时|第几[秒分]"
    )
    return bool(re.search(pattern, text.lower()))
