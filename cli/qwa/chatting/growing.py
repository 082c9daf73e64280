"""A chat as it grows: the system prompt, the turns so far, and the clips of the turn to come."""

from dataclasses import dataclass, field

from qwen_audio_tools.clip import Clip
from qwen_audio_tools.conversation import Conversation, Message, Part, assistant, system, user


@dataclass(slots=True)
class Chat:
    """Turns that were answered, and clips that wait for the next one. Knows no engine."""

    system: str = ""
    turns: list[Message] = field(default_factory=list)
    waiting: list[Clip] = field(default_factory=list)

    def next_turn(self, text: str) -> Message | None:
        """Return the user's turn: the waiting clips, then the text; None if there is neither.

        Audio alone is voice chat, as the models know it.
        """
        parts: tuple[Part, ...] = (*self.waiting, text) if text else tuple(self.waiting)
        return user(*parts) if parts else None

    def asked(self, turn: Message) -> Conversation:
        """Return the whole conversation with that turn at its end."""
        start = [system(self.system)] if self.system else []
        return [*start, *self.turns, turn]

    def keep(self, turn: Message, reply: str) -> None:
        """Take a turn and its reply into the chat; its clips no longer wait."""
        self.turns += [turn, assistant(reply)]
        self.waiting.clear()

    def reset(self) -> None:
        """Forget the turns and the waiting clips; the system prompt stays."""
        self.turns.clear()
        self.waiting.clear()
