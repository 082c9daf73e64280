"""Whatever a server does wrong becomes one clear error: which server, which model, what to do."""

import json

import pytest

from qwen_audio_tools import ask
from qwen_audio_tools.errors import (
    EngineError,
    EngineOutOfMemory,
    EngineRefused,
    EngineUnreachable,
    EngineUnsupported,
)
from qwen_audio_tools.testing.server_reactions import drops, fails, hangs, says, streams

NGINX = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


def vllm(status: int, message: str, kind: str = "BadRequestError") -> tuple[int, dict]:
    return status, {"error": {"message": message, "type": kind, "param": None, "code": status}}


def sglang(status: int, message: str) -> tuple[int, dict]:
    return status, {
        "object": "error",
        "message": message,
        "type": "BadRequestError",
        "param": None,
        "code": status,
    }


def llama(status: int, message: str, kind: str) -> tuple[int, dict]:
    return status, {"error": {"code": status, "message": message, "type": kind}}


# As the servers write them. The words are what the user must find in our error.
REFUSALS = [
    (vllm(400, "Audio file is too short."), EngineRefused, "Audio file is too short."),
    (
        vllm(400, "This model's maximum context length is 8192 tokens. However, you requested"),
        EngineRefused,
        "too long",
    ),
    (llama(400, "request exceeds context", "exceed_context_size_error"), EngineRefused, "too long"),
    (
        vllm(400, "At most 0 audio(s) may be provided in one prompt."),
        EngineUnsupported,
        "does not hear audio",
    ),
    (
        vllm(400, "At most 1 audio(s) may be provided in one prompt."),
        EngineUnsupported,
        "fewer clips",
    ),
    (
        llama(500, "audio input is not supported - hint: mmproj", "server_error"),
        EngineUnsupported,
        "does not hear audio: audio input is not supported",
    ),
    (
        llama(400, "audio input is not supported - hint: mmproj", "invalid_request_error"),
        EngineUnsupported,
        "does not hear audio",
    ),
    ((401, {"error": "Unauthorized"}), EngineRefused, "another key"),
    (
        (401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}),
        EngineRefused,
        "Incorrect API key provided",
    ),
    ((403, NGINX.format("403 Forbidden")), EngineRefused, "403 Forbidden"),
    ((404, {"detail": "Not Found"}), EngineRefused, "Not Found"),
    (
        vllm(404, "The model `x` does not exist.", "NotFoundError"),
        EngineRefused,
        "The model `x` does not exist.",
    ),
    ((405, {"detail": "Method Not Allowed"}), EngineRefused, "Method Not Allowed"),
    ((413, NGINX.format("413 Request Entity Too Large")), EngineRefused, "413"),
    (
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "Input should be an integer"}]}),
        EngineRefused,
        "Input should be an integer",
    ),
    (
        (422, {"detail": "Unexpected fields in the request: {'uuid'}"}),
        EngineRefused,
        "Unexpected fields",
    ),
    (
        (429, {"error": {"message": "You exceeded your current quota", "type": "x"}}),
        EngineRefused,
        "on this account",
    ),
    (vllm(500, "EngineCore encountered an issue.", "InternalServerError"), EngineRefused, "issue"),
    (vllm(500, "CUDA out of memory. Tried to allocate 2 GiB"), EngineOutOfMemory, "out of memory"),
    (sglang(400, "Unsupported audio format"), EngineRefused, "Unsupported audio format"),
    (
        (400, {"error": {"code": "Arrearage", "message": "Access denied: overdue payment."}}),
        EngineRefused,
        "overdue payment",
    ),
    ((400, ""), EngineRefused, "400"),
    ((500, "\x1b[31mInternal\x07 Server\nError"), EngineRefused, "[31mInternal Server Error"),
]


@pytest.mark.parametrize(("answer", "error", "words"), REFUSALS)
def test_an_error_of_the_server_is_told_in_its_own_words(
    answer, error, words, serve, engine_of, alarm
):
    status, body = answer
    server = serve(otherwise=fails(status, body))
    with pytest.raises(EngineError) as caught:
        ask(alarm, "What is heard?", engine=engine_of(server))
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert server.url.removesuffix("/v1") in str(caught.value)
    assert "Qwen/Qwen2-Audio-7B-Instruct" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.asked) == 1  # nothing of this gets better by asking again


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_is_not_ready_is_asked_again_and_then_given_up(
    status, serve, engine_of, alarm
):
    broken = fails(status, NGINX.format(f"{status} Bad Gateway"), "text/html", Retry_After="0")
    server = serve(otherwise=broken)
    with pytest.raises(EngineUnreachable, match="not ready") as caught:
        ask(alarm, "What is heard?", engine=engine_of(server))
    assert "may still be loading" in caught.value.hint
    assert len(server.asked) > 2


def test_a_busy_server_that_stays_busy_is_told_as_such(serve, engine_of, alarm):
    server = serve(otherwise=fails(429, {"error": {"message": "slow down"}}, Retry_After="0"))
    with pytest.raises(EngineRefused, match=r"too much to do \(429\): slow down") as caught:
        ask(alarm, "What is heard?", engine=engine_of(server, server_timeout=3.0))
    assert len(server.asked) > 1
    assert "server_concurrency" in caught.value.hint


def test_a_server_that_nobody_started(serve, engine_of, alarm):
    server = serve()
    server.stop()
    with pytest.raises(EngineUnreachable, match=r"can't be reached: Connection refused") as caught:
        ask(alarm, "What is heard?", engine=engine_of(server))
    assert "curl http://127.0.0.1:" in caught.value.hint


def test_a_host_without_an_address(engine_of, alarm):
    with pytest.raises(EngineUnreachable, match="can't be reached"):
        ask(alarm, "What?", engine=engine_of("http://nowhere.invalid:8000/v1", server_timeout=5.0))


def test_http_where_https_is_needed(serve, engine_of, alarm):
    server = serve()
    with pytest.raises(EngineUnreachable, match="can't be reached safely") as caught:
        ask(alarm, "What?", engine=engine_of(server.url.replace("http:", "https:")))
    assert "is it https?" in caught.value.hint


NONSENSE = [
    ((b'data: {"choices": [{"delta": {"cont\n\n',), "no piece of a reply"),
    ((b"data: nothing\n\n",), "no piece of a reply"),
    ((b"data: [1, 2]\n\n",), "no piece of a reply"),
    ((b'data: {"choices": 7}\n\n',), "no piece of a reply"),
    ((b'data: {"choices": [{"delta": "x"}]}\n\n',), "no piece of a reply"),
    ((b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n',), "no piece of a reply"),
    ((b"data: " + b"[" * 5000 + b"\n\n",), "no piece of a reply"),
    ((b"data: " + b"x" * 5_000_000,), "a line of over"),
    ((b'data: {"error": "it "broke""}\n\n',), "no piece of a reply"),
]


@pytest.mark.parametrize(("payloads", "words"), NONSENSE)
def test_a_stream_that_is_none_is_refused(payloads, words, serve, engine_of, alarm):
    server = serve(otherwise=streams(*payloads))
    with pytest.raises(EngineRefused, match=words):
        ask(alarm, "What is heard?", engine=engine_of(server))


def test_a_page_of_a_proxy_is_no_reply(serve, engine_of, alarm):
    page = fails(200, NGINX.format("Welcome to nginx!"), "text/html; charset=utf-8")
    with pytest.raises(EngineRefused, match="answers with 'text/html'"):
        ask(alarm, "What is heard?", engine=engine_of(serve(otherwise=page)))


def test_a_reply_without_end_is_cut_off(serve, engine_of, alarm):
    def endless(call):
        call.head()
        for _ in range(70):
            call.piece("x" * 500_000)

    with pytest.raises(EngineRefused, match="wrote over 32 MB"):
        ask(alarm, "What is heard?", engine=engine_of(serve(otherwise=endless)))


@pytest.mark.parametrize(
    ("event", "error", "words"),
    [
        (vllm(500, "EngineCore died.", "InternalServerError")[1], EngineRefused, "EngineCore died"),
        (sglang(400, "aborted")[1], EngineRefused, "aborted"),
        ({"error": "the thread failed"}, EngineRefused, "the thread failed"),
        (vllm(500, "CUDA out of memory")[1], EngineOutOfMemory, "out of memory"),
    ],
)
def test_an_error_in_the_middle_of_a_stream(event, error, words, serve, engine_of, alarm):
    payload = f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode()
    server = serve(otherwise=streams(payload))
    with pytest.raises(error, match=words):
        ask(alarm, "What is heard?", engine=engine_of(server))


def test_a_stream_that_breaks_off_after_text_is_never_asked_for_again(serve, engine_of, alarm):
    server = serve(drops("A bell"))
    with pytest.raises(EngineUnreachable, match="broke off the connection"):
        list(engine_of(server).reply(*question(alarm)))
    assert len(server.asked) == 1


def test_an_answer_that_nobody_saw_a_piece_of_is_asked_for_again(serve, engine_of, alarm):
    server = serve(drops("A gong"))
    assert ask(alarm, "What is heard?", engine=engine_of(server)).text == "A bell rings."
    assert len(server.asked) == 2


def test_a_stream_that_breaks_off_before_text_is_asked_for_again(serve, engine_of, alarm):
    server = serve(drops(), streams(b'data: {"choices": []}\n\n', whole=False))
    assert ask(alarm, "What is heard?", engine=engine_of(server)).text == "A bell rings."
    assert len(server.asked) == 3


def test_a_stream_that_ends_without_its_end_is_not_taken_for_an_answer(serve, engine_of, alarm):
    def ends_early(call):
        call.head()
        call.piece("A bell")
        call.end()

    with pytest.raises(EngineUnreachable, match="before the answer was complete"):
        ask(alarm, "What is heard?", engine=engine_of(serve(otherwise=ends_early)))


def test_a_server_that_is_silent_but_lives_has_until_the_deadline(serve, engine_of, alarm):
    server = serve(otherwise=hangs())
    with pytest.raises(EngineUnreachable, match=r"within 2 s") as caught:
        ask(alarm, "What is heard?", engine=engine_of(server, server_timeout=2.0))
    assert "server_timeout" in caught.value.hint
    assert len([path for path, _ in server.paths if path == "/v1/models"]) > 2  # it was looked at


@pytest.mark.parametrize("after", ["", "A bell"])
def test_a_server_that_died_is_noticed_long_before_the_deadline(after, serve, engine_of, alarm):
    def dies(call):
        call.server.silent = True
        hangs(after)(call)

    server = serve(otherwise=dies)
    with pytest.raises(EngineUnreachable, match=r"does not answer within|went silent"):
        ask(alarm, "What is heard?", engine=engine_of(server, server_timeout=3600.0))
    assert server.left.wait(10)


def test_a_reply_that_was_not_streamed_is_taken_too(serve, engine_of, alarm):
    def whole(call):
        call.head(kind="application/json")
        message = {"role": "assistant", "content": "A bell."}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = call.counts | {"completion_tokens": 3}
        call.write(json.dumps({"choices": choices, "usage": usage}).encode())
        call.end()

    answer = ask(alarm, "What is heard?", engine=engine_of(serve(otherwise=whole)))
    assert (answer.text, answer.finish, answer.usage.output_tokens) == ("A bell.", "stop", 3)


def test_an_answer_that_was_cut_says_so(serve, engine_of, alarm):
    from qwen_audio_tools import Options

    options = Options(max_tokens=2)
    server = serve(otherwise=says("one two three four"))
    answer = ask(alarm, "Count.", engine=engine_of(server), options=options)
    assert (answer.text, answer.finish) == ("one two", "length")
    assert answer.warnings == ("the answer was cut after 2 tokens: max_tokens",)


def question(clip):
    from qwen_audio_tools import Options
    from qwen_audio_tools.conversation import user

    return [user(clip, "What is heard?")], Options()
