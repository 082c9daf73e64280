"""RAG that listens again: what is said finds the place, what is heard there answers.

    python examples/llama_index_rag.py "Is there a bell before the bags?" examples/audio

Needs: pip install 'qwen-audio-tools[embedded,llamaindex]'
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.embeddings.qwen_audio import SentenceEncoderEmbedding
from llama_index.llms.qwen_audio import QwenAudioLLM
from llama_index.node_parser.qwen_audio import SegmentNodeParser
from llama_index.postprocessor.qwen_audio import AttachAudioPostprocessor
from llama_index.query_engine.qwen_audio import AudioCitationQueryEngine
from llama_index.readers.qwen_audio import QwenAudioReader, audio_file_extractor

from qwen_audio_tools import open_engine

AUDIO = Path(__file__).parent / "audio"


def main(arguments: Sequence[str] | None = None) -> None:
    """Index the recordings of a folder, and answer one question about them."""
    parser = argparse.ArgumentParser(description="Ask a folder of recordings.")
    parser.add_argument("question")
    parser.add_argument("folder", nargs="?", type=Path, default=AUDIO)
    parser.add_argument("--engine", default="embedded", help="or transformers:MODEL")
    parser.add_argument("--sources", type=int, default=1, help="segments to retrieve")
    chosen = parser.parse_args(arguments)

    engine = open_engine(chosen.engine)
    extractor = audio_file_extractor(QwenAudioReader(listen=False))  # the parser below listens
    files = SimpleDirectoryReader(
        chosen.folder,
        file_extractor=extractor,
        required_exts=sorted(extractor),
        raise_on_error=True,
    )
    nodes = SegmentNodeParser(engine=engine).get_nodes_from_documents(files.load_data())
    index = VectorStoreIndex(nodes, embed_model=SentenceEncoderEmbedding())

    answering = AudioCitationQueryEngine(
        index.as_retriever(similarity_top_k=chosen.sources),
        QwenAudioLLM(engine=engine),
        attach=AttachAudioPostprocessor(padding=4.0),
    )
    response = answering.query(chosen.question)
    print(response)
    for source in response.metadata.values():
        print(f"  {source['label']}  {source['playback']}")


if __name__ == "__main__":
    main()
