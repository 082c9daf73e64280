"""What `qwa doctor` finds: one value for each thing that was looked at."""

from dataclasses import dataclass

OK, WARNING, FAILED = "ok", "warning", "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `state` is "ok", "warning" or "failed"."""

    name: str
    state: str
    found: str
    hint: str = ""
