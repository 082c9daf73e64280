"""The bare words of a reply that was asked for nothing else, without what a model puts around them.

Qwen2-Audio-Instruct likes to begin with "The original content of this audio is:" and to quote.
"""

import re

_HABIT = re.compile(
    r"(?:the original content of (?:this|the) audio (?:is|reads)"
    r"|(?:这|该)?(?:段|个|条)?(?:音频|录音|语音)的?原始?(?:内容|文本)(?:是|为|如下))",
    re.IGNORECASE,
)
"""What the model is known to say, and hardly anybody in a recording."""

_AUDIO = r"(?:audio|recording|clip|speech|sound file)"
_WORDS = r"(?:transcript(?:ion)?|contents?|words|text|translation)\b"
_ABOUT = re.compile(
    rf"(?:(?:sure|certainly|of course|okay)[,.!]?\s+)?"
    rf"(?:here(?:'s| is| are)\s+)?(?:the|a)?\s*"
    rf"(?:(?:original|spoken|english|verbatim|full)\s+)*"
    rf"(?:{_WORDS}(?:\s+(?:of|from|in)\s+(?:this|the)\s+{_AUDIO})?"
    rf"|(?:this|the)?\s*{_AUDIO}(?:\s+{_WORDS})?"
    rf"|(?:speaker|person|man|woman)\s+in\s+(?:this|the)\s+{_AUDIO})"
    r"(?:\s+(?:is|are|says|reads|as follows|is as follows|said))*"
    r"|(?:好的[，,。]?)?(?:以下|下面)?(?:是|为)?(?:这|该)?(?:段|个|条)?(?:音频|录音|语音)"
    r"(?:中|里)?(?:的)?(?:说话人|内容|文字|转写|转录|文本)?(?:内容|文本|结果)?(?:是|为|说|如下)*",
    re.IGNORECASE,
)
"""What other models say; people say it too, so more must follow: a quotation or a line break."""

_COLON = re.compile(r"\s*[:：]\s*")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "《": "》", "`": "`"}


def without_preamble(reply: str) -> str:
    """Return what was said in a reply that was to hold nothing else.

    Only a known opening goes, and quotation marks around all of the rest; where it could have been
    said in the recording too, the reply stays as it is.
    """
    text = reply.strip()
    if found := _HABIT.match(text):
        rest = text[found.end() :]
        colon = _COLON.match(rest)
        body = rest[colon.end() :] if colon else rest.lstrip()
        if colon or _unquoted(body) is not None:
            return _bare(body)
    if found := _ABOUT.match(text):
        rest = text[found.end() :]
        colon = _COLON.match(rest)
        body = rest[colon.end() :] if colon else rest.lstrip()
        quoted = _unquoted(body) is not None
        if found.group().strip() and (quoted or (colon and "\n" in colon.group())):
            return _bare(body)
    return _bare(text)


def _bare(text: str) -> str:
    inner = _unquoted(text)
    return text.strip() if inner is None else inner


def _unquoted(text: str) -> str | None:
    """Return what one pair of quotation marks holds, if it holds all of the text."""
    text = text.strip()
    closing = _QUOTES.get(text[:1])
    if closing is None:
        return None
    body = text[1:].rstrip(" \t\n.。")
    if not body.endswith(closing):
        return None
    inner = body[: -len(closing)]
    # 'don't' is one word in one quotation; "Go," he said, "now." are two.
    marks = re.sub(r"(?<=\w)['’](?=\w)", "", inner)
    return None if closing in marks or text[0] in marks else inner.strip()
