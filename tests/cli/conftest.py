"""Run a command line in this process, and see what a script would see."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from qwa.app import run
from qwa.manners import Manners


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def qwa(capsys) -> Callable[..., Ran]:
    def ran(*arguments: object) -> Ran:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments], Manners())
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return ran
