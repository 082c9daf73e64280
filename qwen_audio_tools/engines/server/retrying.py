"""How long to wait before a request is sent again: as the server asks, else backoff with jitter."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST, _LONGEST = 0.5, 30.0


def pause(failures: int) -> float:
    """Return seconds to wait after so many failures in a row, from 1 on.

    Exponential with full jitter, so that clients that failed together don't come back together.
    """
    return random.uniform(0.0, min(_LONGEST, _FIRST * 2.0 ** min(failures - 1, 16)))


def asked_wait(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header, which holds seconds or a date; None without one.

    What can't be read is as if it weren't there.
    """
    text = (value or "").strip()
    if not text:
        return None
    if text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # a date without a zone is in UTC
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
