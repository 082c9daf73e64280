"""What kind of words an answer must hold: a time after "when", a number after "how many".

Patterns for English and Chinese only; they see words, not meaning, and only shift a score.
"""

import re
from functools import cache

_NUMBERS = (
    r"\d",
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty)\b",
    r"\b(?:forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen|half)\b",
    r"\b(?:couple|twice|once|none|zero)\b",
    r"[一二两三四五六七八九十百千万亿半几零]",
)
_TIMES = (
    r"\d{1,2}[:.]\d{2}|o'clock|\d ?(?:am|pm|a\.m|p\.m)\b|\b(?:1[5-9]|20)\d\d\b",
    r"\b(?:noon|midnight|morning|afternoon|evening|tonight|today|tomorrow|yesterday|weekend)\b",
    r"\b(?:week|month|year|hour|minute|century|until|(?:mon|tues|wednes|thurs|fri|satur|sun)day)s?\b",
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b",
    r"\b(?:in|next|last|this) (?:spring|summer|autumn|fall|winter)\b",
    r"[点时分年月日号周天]|星期|早上|上午|中午|下午|晚上|季",
)
_PLACES = (
    r"\b(?:in|at|on|near|behind|next to|opposite|across|under|to|from) (?:the |a |our |my )?\w+",
    r"\b(?:street|road|avenue|city|town|room|floor|building|station|hall|country|village)\b",
    r"[在到去从]|[路街市省县国楼室馆店站厅村门]",
)
_NAMES = (
    r"(?-i:(?<=[a-z,;] )[A-Z][a-z]+|[A-Z][a-z]+ [A-Z])",
    r"^(?:my|our|his|her) ",
    r"先生|女士|老师|经理|医生|同学|[小老]\w",
)
_MONEY = (
    r"[$€£¥]\s?\d|\b(?:dollar|euro|pound|cent|yuan|percent|free)s?\b",
    r"[\d一二两三四五六七八九十百千万].{0,3}(?:元|块|毛|美元)|免费",
)
_REASONS = (
    r"\b(?:because|since|due to|so that|reason|caused?|as a result|that's why)\b",
    r"因为|由于|所以|原因|为了",
)

_KINDS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            r"\bwhen\b|what (?:time|day|date|year|month)|how long|which (?:day|year|month)",
            r"什么时候|几点|[哪几]天|哪一?年|星期几|周几|何时|多久|几号|几月|多长时间",
        ),
        _TIMES,
    ),
    (
        (
            r"how much (?:does|do|did|is|was|will|money)|\bcosts?\b|\bprice",
            r"多少钱|价格|票价|费用",
        ),
        _MONEY,
    ),
    (
        (
            r"how (?:many|much|old|far|tall|big|large|high|deep|often|fast)",
            r"what (?:number|percentage)|多少|几[个位次岁人名本层]|多[大高远重]|第几",
        ),
        _NUMBERS,
    ),
    (
        (
            r"\bwhere\b|which (?:city|country|room|street|town|floor|place)",
            r"哪里|哪儿|什么地方|在哪|哪个城市|哪国",
        ),
        _PLACES,
    ),
    (
        (
            r"\bwho(?:m|se)?\b|what(?:'s| is| was) (?:the|his|her|your|their) (?:\w+ )?name",
            r"谁|叫什么|哪位|姓什么",
        ),
        _NAMES,
    ),
    ((r"\bwhy\b|reason|为什么|原因|为何|怎么会",), _REASONS),
)


_WHO_SPEAKS = (
    r"\bwho(?:'s| is| was)? (?:\w+ )?(?:call|speak|talk|phon|ring|this|that|it|left)|"
    r"\bcaller\b|whose (?:voice|message)",
    r"谁.{0,3}(?:打|说|讲|来电|留言)|(?:来电|说话|讲话)的?.{0,2}是谁",
)
_INTRODUCES = (
    r"\b(?:this is|my name is|my name's|i am|i'm|it's|speaking with) (?-i:[A-Z][a-z]+)",
    r"我是|我叫|这里是|我姓",
)


def introductions(question: str) -> re.Pattern[str] | None:
    """Return what a speaker who says their name says, if the question asks who speaks."""
    return _compiled(_INTRODUCES) if _compiled(_WHO_SPEAKS).search(question) else None


def wanted(question: str) -> re.Pattern[str] | None:
    """Return the pattern that a fitting answer holds, or None where any sentence may do."""
    for asks, holds in _KINDS:
        if _compiled(asks).search(question):
            return _compiled(holds)
    return None


@cache
def _compiled(alternatives: tuple[str, ...]) -> re.Pattern[str]:
    # When it is needed: to compile all of them takes as long as to find a quote.
    return re.compile("|".join(alternatives), re.IGNORECASE)
