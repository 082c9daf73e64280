"""What the READMEs show is what happens: their commands are run, in English and in Chinese.

In a block marked `console` a line that starts with "$ " is a command; a line that ends in a
backslash goes on in the next. The lines below it are the beginning of what it prints on stdout: in
them "…" stands for anything, and a line with "…" alone ends the comparison. A block marked `python`
is a program. Blocks of one README run in order in one folder, in which the repository's `examples`
lies, so that a block may use what an earlier one wrote. Those that name the transformers engine
find a tiny random model under the name of Qwen2-Audio: they prove commands, not answers.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README_CN.md")
FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)(?P<target>[^)#\s]+)")
LIMIT_S = 240


@dataclass(frozen=True, slots=True)
class Block:
    readme: str
    line: int
    kind: str
    body: str


def _blocks(readme: str) -> list[Block]:
    path = ROOT / readme
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [
        Block(readme, text.count("\n", 0, match.start()) + 1, match["kind"], match["body"])
        for match in FENCE.finditer(text)
    ]


def _commands(body: str) -> list[tuple[str, list[str]]]:
    """Split a console block into commands, each with the output lines shown below it.

    A command goes on in the next line after a backslash, or where a quote is still open.
    """
    found: list[tuple[str, list[str]]] = []
    for line in body.replace("\\\n", "").splitlines():
        if found and found[-1][0].count("'") % 2:
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        elif line.startswith("$ "):
            found.append((line[2:], []))
        else:
            assert found, f"a console block begins with a command, not with {line!r}"
            found[-1][1].append(line)
    return found


ALL = [block for readme in READMES for block in _blocks(readme)]
RUN = [block for block in ALL if block.kind in {"console", "python"}]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """One folder to run in per README, with the examples, and `qwa` and `python` on the path."""
    made: dict[str, Path] = {}
    for readme in READMES:
        made[readme] = folder = tmp_path_factory.mktemp(readme.partition(".")[0])
        (folder / "examples").symlink_to(ROOT / "examples")
        (folder / "bin").mkdir()
        for name, arguments in {"qwa": "-m qwa", "python": ""}.items():
            shim = folder / "bin" / name
            shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n')
            shim.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Path:
    """A cache of the hub in which both Qwen2-Audio models are tiny and random."""
    from qwen_audio_tools.testing.made_checkpoints import write_checkpoint

    cache = tmp_path_factory.mktemp("hub")
    for seed, name in enumerate(("Qwen2-Audio-7B-Instruct", "Qwen2-Audio-7B")):
        model = cache / f"models--Qwen--{name}"
        (model / "refs").mkdir(parents=True)
        (model / "refs" / "main").write_text("0" * 40)
        write_checkpoint(model / "snapshots" / ("0" * 40), seed=seed)
    return cache


def _run(command: list[str], folder: Path, hub: Path) -> str:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    large = {"HF_HUB_CACHE": str(hub)} if "transformers" in command[-1] else {}
    run = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **large, "PATH": path},
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=LIMIT_S,
        check=False,
    )
    assert run.returncode == 0, f"{command[-1]}\n{run.stdout}\n{run.stderr}"
    return run.stdout


def _same(shown: list[str], printed: str) -> bool:
    for number, line in enumerate(shown):
        if line.strip() == "…":
            return True
        pattern = ".*".join(re.escape(piece) for piece in line.rstrip().split("…"))
        rows = printed.splitlines()
        if number >= len(rows) or not re.fullmatch(pattern, rows[number].rstrip()):
            return False
    return True


@pytest.mark.parametrize("readme", READMES)
def test_each_readme_shows_commands_and_what_they_print(readme):
    shown = [block for block in RUN if block.readme == readme and block.kind == "console"]
    assert any(output for block in shown for _, output in _commands(block.body))


def test_both_readmes_show_the_same_number_of_commands():
    counts = {readme: sum(block.readme == readme for block in RUN) for readme in READMES}
    assert len(set(counts.values())) == 1, counts


def test_no_command_of_ours_stands_in_a_block_that_is_not_run():
    escaped = [
        f"{block.readme}:{block.line}: {line}"
        for block in ALL
        if block not in RUN
        for line in block.body.splitlines()
        if line.removeprefix("$ ").startswith(("qwa ", "python "))
    ]
    assert escaped == []


def test_every_link_to_a_file_leads_to_one():
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
    ]
    dead = [
        f"{page.relative_to(ROOT)}: {match['target']}"
        for page in pages
        for match in LINK.finditer(page.read_text(encoding="utf-8"))
        if not (page.parent / match["target"]).exists()
    ]
    assert dead == []


def test_a_shown_line_is_compared_with_dots_as_a_wildcard():
    assert _same(["Happy, 0.… at …s"], "Happy, 0.81 at 3.2s\nmore\n")
    assert _same(["a", "…"], "a\nb\nc")
    assert not _same(["a", "b"], "a\n")
    assert not _same(["a.c"], "abc")


@pytest.mark.parametrize("block", RUN, ids=lambda block: f"{block.readme}:{block.line}")
def test_what_a_readme_shows_is_what_happens(block, folders, hub):
    folder = folders[block.readme]
    if block.kind == "python":
        _run([sys.executable, "-c", block.body], folder, hub)
        return
    for command, shown in _commands(block.body):
        printed = _run(["bash", "-euo", "pipefail", "-c", command], folder, hub)
        assert _same(shown, printed), f"{command}\nshown:\n{shown}\nprinted:\n{printed}"
