"""Which conversations run together: those that cost alike, so that no row waits for another."""

from collections.abc import Iterator, Sequence

from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.engines.base import EngineInfo

MOST_ROWS = 16
_LETTERS_A_TOKEN = 3.0  # a rough guess is enough to sort by


def batches(
    conversations: Sequence[Conversation], info: EngineInfo, most_tokens: int
) -> Iterator[list[int]]:
    """Yield the indices of conversations to run at once, shortest first.

    A batch holds at most `MOST_ROWS` rows and about `most_tokens` tokens of its own: what all
    rows begin with is read once, and isn't counted.
    """
    shared = _share_clips(conversations)
    costs = [_tokens(conversation, info, shared) for conversation in conversations]
    batch: list[int] = []
    for index in sorted(range(len(conversations)), key=lambda index: costs[index]):
        # Sorted: the newest is the longest, and the others are padded to it.
        if batch and (len(batch) == MOST_ROWS or (len(batch) + 1) * costs[index] > most_tokens):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _share_clips(conversations: Sequence[Conversation]) -> bool:
    heard = {clips(conversation) for conversation in conversations}
    return len(heard) == 1


def _tokens(conversation: Conversation, info: EngineInfo, shared: bool) -> float:
    letters = sum(len(message.text) for message in conversation)
    seconds = 0.0 if shared else sum(clip.duration for clip in clips(conversation))
    return seconds * info.audio_tokens_per_second + letters / _LETTERS_A_TOKEN + 1
