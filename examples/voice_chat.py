"""Voice chat: each turn is audio alone, and the model answers what was said in it.

    python examples/voice_chat.py --model Qwen/Qwen2-Audio-7B-Instruct question.wav more.mp3

`--model` takes a checkpoint's folder too. Needs: pip install 'qwen-audio-tools[transformers]'
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from qwen_audio_tools import Clip, Message, Options, converse, open_engine

AUDIO = Path(__file__).parent / "audio"


def main(arguments: Sequence[str] | None = None) -> None:
    """Say each clip to the model in turn, and print its replies as they come."""
    parser = argparse.ArgumentParser(description="Talk to Qwen2-Audio with recordings.")
    parser.add_argument("--model", default="Qwen/Qwen2-Audio-7B-Instruct", metavar="ID_OR_FOLDER")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same words")
    parser.add_argument(
        "clips", nargs="*", type=Path, default=[AUDIO / "voicemail.wav", AUDIO / "happy.mp3"]
    )
    chosen = parser.parse_args(arguments)

    engine = open_engine(f"transformers:{chosen.model}")
    options = Options(max_tokens=256, seed=chosen.seed)
    conversation: list[Message] = []
    for path in chosen.clips:
        # No text and no mode: a turn of audio alone is voice chat.
        conversation.append(Message("user", (Clip(path),)))
        print(f"you: {path.name}\nmodel: ", end="", flush=True)
        reply = ""
        for delta in converse(conversation, engine=engine, options=options):
            reply += delta.text
            print(delta.text, end="", flush=True)
        print()
        conversation.append(Message("assistant", (reply,)))


if __name__ == "__main__":
    main()
