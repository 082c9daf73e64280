"""Word errors after the usual normalising of spelling; for Chinese, errors of characters."""

import re
from functools import cache
from typing import Any


def errors(reference: str, heard: str, language: str) -> tuple[int, int]:
    """Return (substitutions + deletions + insertions, words of the reference)."""
    import jiwer

    wanted, found = normal(reference, language), normal(heard, language)
    measured: Any = jiwer.process_words(wanted, found)
    wrong = measured.substitutions + measured.deletions + measured.insertions
    return wrong, len(wanted.split())


def normal(text: str, language: str) -> str:
    """Return the text without what spelling may choose: case, punctuation, digits or words."""
    if language == "zh":
        return " ".join(re.findall(r"[\u3400-\u9fffa-z0-9]", _simplified(text.lower())))
    return str(_normalizer(language)(text)).strip()


@cache
def _normalizer(language: str) -> Any:
    if language == "en":
        from whisper_normalizer.english import EnglishTextNormalizer

        return EnglishTextNormalizer()
    from whisper_normalizer.basic import BasicTextNormalizer

    return BasicTextNormalizer()


def _simplified(text: str) -> str:
    """Return traditional characters as simplified ones, where the package for it is installed."""
    try:
        import zhconv
    except ImportError:
        return text
    return str(zhconv.convert(text, "zh-hans"))
