"""What a model puts around the words goes; what was said never does."""

import pytest

from qwen_audio_tools.preambles import without_preamble

SAID = "Mister Quilter is the apostle of the middle classes."


@pytest.mark.parametrize(
    "reply",
    [
        "The original content of this audio is: 'Mister Quilter is the apostle of the middle "
        "classes.'",
        f'The original content of this audio is: "{SAID}".',
        f"The original content of this audio is:\n{SAID}",
        f"the original content of this audio is: {SAID}",
        f"The original content of this audio is '{SAID}'",
        f"Here is the transcription of the audio:\n\n{SAID}",
        f'Sure, here is the transcript: "{SAID}"',
        f"The audio says: “{SAID}”",
        f"The content of the recording is as follows:\n{SAID}",
        f"The speaker in this audio says: '{SAID}'",
        f"这段音频的原始内容是：“{SAID}”。",
        f"音频的内容是：“{SAID}”",
        f"好的，以下是音频的转写内容：\n{SAID}",
        f'"{SAID}"',
        f"  {SAID}\n",
        SAID,
    ],
)
def test_only_the_words_are_left(reply):
    assert without_preamble(reply) == SAID


@pytest.mark.parametrize(
    "said",
    [
        "The original content of this audio is lost.",
        "The content of this recording is: confidential.",
        'She said: "Go home."',
        'The man said, "Go," and "Come."',
        '"Go," he said, "now."',
        "'Tis the season, don't you think?",
        "Transcription: a process in which DNA is copied into RNA.",
        "The audio says more than the picture.",
        "Here is the news at nine o'clock.",
        "音频的内容是保密的。",
        "这段录音说明了一切。",
        "Sure, here's the thing: words matter.",
        "",
    ],
)
def test_what_may_have_been_said_stays(said):
    assert without_preamble(said) == said


def test_quotation_marks_within_the_words_stay():
    reply = "The original content of this audio is: 'I don't know what \"soon\" means, do you?'"
    assert without_preamble(reply) == 'I don\'t know what "soon" means, do you?'


def test_a_preamble_that_was_said_inside_the_quotation_stays():
    said = "The original content of this audio is: nothing"
    assert without_preamble(f'The original content of this audio is: "{said}"') == said
