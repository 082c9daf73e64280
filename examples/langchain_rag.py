"""Questions to a folder of recordings: find the passage, listen to it again, answer with times.

    python examples/langchain_rag.py "what is the budget?" --folder calls

Needs: pip install 'qwen-audio-tools[embedded,langchain]'
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from langchain_core.vectorstores import InMemoryVectorStore

from langchain_qwen_audio import AudioQATool, QwenAudioLoader, SentenceEmbeddings

AUDIO = Path(__file__).parent / "audio"


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the folder, and print the passage that bears on the question, and the answer."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("question", nargs="?", default="What is the budget?")
    parser.add_argument("--folder", type=Path, default=AUDIO)
    chosen = parser.parse_args(arguments)

    # Windows end where people pause, and tell of sounds, too: there is nothing to split.
    documents = QwenAudioLoader(chosen.folder, engine="embedded", mode="window").load()
    store = InMemoryVectorStore(SentenceEmbeddings())
    store.add_documents(documents)
    (found,) = store.similarity_search(chosen.question, k=1)
    known = found.metadata
    name = Path(known["source"]).name
    print(f"{name} [{known['start']:.1f}-{known['end']:.1f} s]: {found.page_content}")

    listen_again = AudioQATool(engine="embedded", roots=[chosen.folder])
    asked = {"question": chosen.question, "audio": known["source"]}
    print(listen_again.invoke({**asked, "start_s": known["start"], "end_s": known["end"]}))


if __name__ == "__main__":
    main()
