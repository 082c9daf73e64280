"""What `qwa ask` and its short forms share: one request, and its answers one after the other."""

from qwa import batch, inputs
from qwa.desk import Desk
from qwa.hushing import hush
from qwa.manners import Manners
from qwa.requested import Request
from qwa.words import is_chinese
from qwen_audio_tools.sources.naming import expand


def answer(request: Request, manners: Manners) -> int:
    """Answer a request and return the exit code."""
    settings = request.tuning.read(engine=request.engine, lang=manners.lang)
    hush(manners)
    sources = expand(request.files)
    desk = Desk(request, manners, settings)
    lang = None if settings.lang == "auto" else settings.lang
    manners.lang = lang or ("zh" if is_chinese(" ".join(request.questions)) else None)
    desk.lang = lang or (None if request.questions else manners.language)
    if request.together:
        desk.deliver(" + ".join(sources), desk.ask([inputs.clip(s, request.part) for s in sources]))
        return 0
    todo = batch.pending(sources, request.form.outputs, manners)
    desk.expect(sources)
    code = batch.each(
        todo, request.part, lambda clip: desk.ask([clip]), desk.deliver, (manners, desk.bar)
    )
    desk.close()
    return code
