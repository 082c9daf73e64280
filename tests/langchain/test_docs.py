"""docs/langchain.md is true: its programs run in order, and each block of its table is heard."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from langchain_qwen_audio import ChatQwenAudio
from qwen_audio_tools import Clip
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "langchain.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\{.*\})` \|", TEXT, re.MULTILINE)


def test_the_table_has_its_rows():
    assert len(ROWS) > 15


@pytest.mark.parametrize("row", ROWS)
def test_each_block_is_heard(row, encoded, said, folder, store):
    values = {
        "DATA": encoded,
        "URI": f"data:audio/wav;base64,{encoded}",
        "ID": store.put(said),
        "PATH": str(said),
    }
    for name, value in values.items():
        row = row.replace(f'"{name}"', json.dumps(value))
    engine = ScriptedEngine(["words"])
    model = ChatQwenAudio(engine=engine, roots=[folder], store=store)
    model.invoke([HumanMessage([json.loads(row), "what is said?"])])
    assert engine.heard[0][0].clips[0].sha256 == Clip(said).sha256


def test_the_programs_run(made, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "heard").symlink_to(made.archive.folder)
    programs = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert len(programs) == 6
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(programs)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "glass (score" in run.stdout
    assert "It says that a bowl broke." in run.stdout
    assert "Made Radio In the village https://example.com/village.flac#t=" in run.stdout
    assert "\nYes, at 0:0" in run.stdout
    assert "玻璃破碎" in run.stdout
