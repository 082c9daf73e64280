"""Audio analysis: turns of audio and text, several clips, and questions that build on each other.

    python examples/audio_analysis.py --model Qwen/Qwen2-Audio-7B-Instruct

`--model` takes a checkpoint's folder too. Needs: pip install 'qwen-audio-tools[transformers]'
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from qwen_audio_tools import Clip, Message, Options, converse, open_engine

AUDIO = Path(__file__).parent / "audio"
TURNS = (
    (Clip(AUDIO / "bell.flac", title="bell"), "What's that sound?"),
    ("What can you do when you hear it?",),
    (Clip(AUDIO / "chinese.mp3", title="speech"), "And what does the person say in this one?"),
    ("Compare the two recordings.",),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Put the questions one after the other; the model reads each clip only once."""
    parser = argparse.ArgumentParser(description="Ask Qwen2-Audio about recordings.")
    parser.add_argument("--model", default="Qwen/Qwen2-Audio-7B-Instruct", metavar="ID_OR_FOLDER")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same words")
    chosen = parser.parse_args(arguments)

    engine = open_engine(f"transformers:{chosen.model}")
    options = Options(max_tokens=256, seed=chosen.seed)
    conversation: list[Message] = []
    for parts in TURNS:
        conversation.append(Message("user", parts))
        print("you:", *(part if isinstance(part, str) else f"[{part.name}]" for part in parts))
        print("model: ", end="", flush=True)
        reply = ""
        for delta in converse(conversation, engine=engine, options=options):
            reply += delta.text
            print(delta.text, end="", flush=True)
            if delta.usage:  # the last piece says what it cost
                print(f" ({delta.usage.audio_tokens} audio tokens)")
        conversation.append(Message("assistant", (reply,)))


if __name__ == "__main__":
    main()
