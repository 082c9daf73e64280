"""Tools by which an agent hears: a question, a transcript, a description, a comparison, a search.

Thin wrappers of `qwen_audio_tools.agents`: text for the model, plain data as the artifact.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from langchain_core.tools import BaseTool, InjectedToolArg, ToolException
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    create_model,
    model_validator,
)

from langchain_qwen_audio.access import Hearing
from langchain_qwen_audio.attachments import attached_to
from qwen_audio_tools.agents import tools, wording
from qwen_audio_tools.agents.tools import Ears, Place, ToolReply, told
from qwen_audio_tools.errors import QwenAudioError
from qwen_audio_tools.stopping import Stop, in_thread

Runtime = Annotated[Any, InjectedToolArg(), PlainSerializer(lambda _: None)]
"""LangGraph puts its ToolRuntime here, and no model sees it."""


class AudioTool(Hearing, BaseTool):
    """A tool that hears; arguments as of `Hearing`.

    What goes wrong comes back as a message that tells the agent what to do. The artifact of a tool
    message is the answer as plain data, for `Answer.from_dict`.
    """

    model_config = ConfigDict(extra="forbid")  # a slip in `roots` must not go unnoticed

    name: str = ""
    description: str = ""
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = Field(default_factory=lambda: what_is_wrong)

    @model_validator(mode="after")
    def _tell_arguments(self) -> Self:
        if self.args_schema is None:
            self.args_schema = self._arguments(self.hearing)
        return self

    @abstractmethod
    def _arguments(self, ears: Ears) -> type[BaseModel]:
        """Return the schema of what the model may say."""

    @abstractmethod
    def _hear(self, attachments: Sequence[str], stop: Stop | None, **given: Any) -> ToolReply:
        """Listen, and return what to tell the model."""

    def _run(self, runtime: Runtime = None, **given: Any) -> tuple[str, Any]:
        return self._heard(None, runtime, given)

    async def _arun(self, runtime: Runtime = None, **given: Any) -> tuple[str, Any]:
        return await in_thread(lambda stop: self._heard(stop, runtime, given))

    def _heard(self, stop: Stop | None, runtime: Any, given: dict[str, Any]) -> tuple[str, Any]:
        attachments = attached_to(runtime, self.hearing.references.store)
        try:
            reply = self._hear(attachments, stop, **given)
        except QwenAudioError as error:
            raise ToolException(told(error)) from error
        assert reply.answer is not None
        return reply.text, reply.answer.to_dict()


class AudioQATool(AudioTool):
    """Answers a question about a recording."""

    name: str = wording.ASK.name
    description: str = wording.ASK.about

    def _arguments(self, ears: Ears) -> type[BaseModel]:
        question = (str, Field(description=wording.QUESTION))
        return _schema("AskAudio", question=question, **_place(ears))

    def _hear(self, attachments: Sequence[str], stop: Stop | None, **given: Any) -> ToolReply:
        question = given.pop("question")
        return tools.ask_audio(
            self.hearing, question, Place(attachments=attachments, **given), stop
        )


class TranscribeAudioTool(AudioTool):
    """Writes down what is said in a recording."""

    name: str = wording.TRANSCRIBE.name
    description: str = wording.TRANSCRIBE.about

    def _arguments(self, ears: Ears) -> type[BaseModel]:
        language = (str | None, Field(default=None, description=wording.LANGUAGE))
        return _schema("TranscribeAudio", **_place(ears), language=language)

    def _hear(self, attachments: Sequence[str], stop: Stop | None, **given: Any) -> ToolReply:
        language = given.pop("language", None)
        place = Place(attachments=attachments, **given)
        return tools.transcribe_audio(self.hearing, place, language=language, stop=stop)


class DescribeAudioTool(AudioTool):
    """Describes a whole recording."""

    name: str = wording.DESCRIBE.name
    description: str = wording.DESCRIBE.about

    def _arguments(self, ears: Ears) -> type[BaseModel]:
        return _schema("DescribeAudio", **_place(ears))

    def _hear(self, attachments: Sequence[str], stop: Stop | None, **given: Any) -> ToolReply:
        return tools.describe_audio(self.hearing, Place(attachments=attachments, **given), stop)


class CompareAudioTool(AudioTool):
    """Compares recordings: those that are named, or all that are attached."""

    name: str = wording.COMPARE.name
    description: str = wording.COMPARE.about

    def _arguments(self, ears: Ears) -> type[BaseModel]:
        about = f"{wording.AUDIOS.format(takes=ears.references.takes)} None: all attachments."
        audios: Any = (list[str], Field(default_factory=list, description=about))
        question = (str, Field(default="", description=wording.QUESTION))
        return _schema("CompareAudio", audios=audios, question=question)

    def _hear(self, attachments: Sequence[str], stop: Stop | None, **given: Any) -> ToolReply:
        audios = given.get("audios") or attachments
        return tools.compare_audio(self.hearing, audios, given.get("question", ""), stop)


def _place(ears: Ears) -> dict[str, Any]:
    """Return the arguments that say which recording is meant, and which part of it."""
    about = wording.AUDIO.format(takes=ears.references.takes)
    return {
        "audio": (str | None, Field(default=None, description=about)),
        "start_s": (float | None, Field(default=None, ge=0, description=wording.START)),
        "end_s": (float | None, Field(default=None, gt=0, description=wording.END)),
    }


def _schema(name: str, **fields: Any) -> type[BaseModel]:
    # LangGraph fills in what is in the schema and is called "runtime": langchain#34558.
    made: type[BaseModel] = create_model(name, **fields, runtime=(Runtime, None))
    return made


def what_is_wrong(error: Any) -> str:
    """Return what a model reads when its arguments are wrong."""
    assert isinstance(error, ValidationError)
    wrong = "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}"
        for each in error.errors(include_url=False, include_input=False)
    )
    return f"Error: {wrong}. What to do: call the tool again with arguments that fit."
