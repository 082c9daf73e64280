"""A podcast, made and served on this machine, is listened to once and asked three questions.

Run: make demo-archive (it needs the development packages, which speak the episodes).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from qwen_audio_tools.testing import church_bell, glass_breaking, sequence, speech, write
from qwen_audio_tools.testing.made_podcasts import item, rss, serving

EPISODES = (
    ["The central bank raised its interest rate to five percent.", "Markets fell a little."],
    ["Listen to our village at noon.", church_bell(), "Lovely, is it not?"],
    ["We met the baker in her kitchen.", glass_breaking(), "Sorry, that was my cup."],
)
QUESTIONS = (
    "to how much did the bank raise the interest rate?",
    "does a bell ring in the village?",
    "did glass break in the kitchen?",
)


def main() -> None:
    """Make a feed, add it, listen to it, and ask."""
    with tempfile.TemporaryDirectory() as scratch, serving() as podcast:
        items = []
        for number, parts in enumerate(EPISODES, start=1):
            sounds = [speech(part) if isinstance(part, str) else part for part in parts]
            path = write(Path(scratch, f"{number}.mp3"), sequence(sounds)[0], bit_rate=96_000)
            url = podcast.put(f"/{number}.mp3", path.read_bytes())
            items.append(item(number, url, length=path.stat().st_size))
        feed = podcast.put("/feed.xml", rss(*items, title="Made Radio"))
        archive = ("--archive", str(Path(scratch, "archive")))
        qwa("add", feed, "--allow-private", *archive)
        qwa("sync", "--allow-private", *archive)
        for question in QUESTIONS:
            print(f"\n> {question}", flush=True)
            qwa("ask", question, "--quiet", *archive)


def qwa(*words: str) -> None:
    """Run a command of the archive, and end where it fails."""
    code = subprocess.run([sys.executable, "-m", "qwa", "archive", *words], check=False).returncode
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    main()
