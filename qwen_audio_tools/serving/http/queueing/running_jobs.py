"""Jobs put to an engine, alone or many at once; one that fails never takes others with it."""

from contextlib import closing
from dataclasses import replace

from qwen_audio_tools.conversation import Conversation, clips
from qwen_audio_tools.engines.base import Delta, Engine, join, run_many
from qwen_audio_tools.errors import Cancelled
from qwen_audio_tools.long_audio import fits
from qwen_audio_tools.serving.http.queueing.jobs import Job


def run_alone(engine: Engine, job: Job) -> None:
    """Answer one job, and tell it what comes of it."""
    try:
        job.stop.check()
        job.work.check()
        pieces = job.stop.heed(job.work.alone(job.stop.options(job.work.options)))
        if not job.pieces:
            job.tell(join(pieces, engine.info))
            return
        said: list[Delta] = []
        for piece in pieces:
            said.append(piece if not piece.text else replace(piece, text=""))
            job.tell(piece)
        job.tell(join(said, engine.info))
    except Exception as error:  # whoever waits must learn of it, whatever it is
        job.tell(error)
    except BaseException as error:  # not meant for us: it would end this thread
        job.tell(RuntimeError(f"the engine raised {error!r}"))


def run_together(engine: Engine, jobs: list[Job]) -> None:
    """Answer jobs of equal options at once, none of them longer than the engine hears."""
    left = list(jobs)
    if len(left) > 1:
        _answer_at_once(engine, left)
    for job in left:
        if not job.stopped:
            run_alone(engine, job)


def sorted_out(engine: Engine, jobs: list[Job]) -> tuple[list[Job], list[Job]]:
    """Return what may go at once and what is longer than the engine hears; tell what is wrong."""
    short: list[Job] = []
    long: list[Job] = []
    for job in jobs:
        if job.stopped:
            continue
        try:
            job.work.check()
            (short if fits(engine, clips(_asked(job))) else long).append(job)
        except Exception as error:  # this recording's fault, and nobody else's
            job.tell(error)
    return short, long


def _answer_at_once(engine: Engine, jobs: list[Job]) -> None:
    """Tell the jobs their answers and take them out of the list; who stays was not answered."""
    asked = list(jobs)
    conversations = [_asked(job) for job in asked]

    def progress(what: str, done: float, total: float) -> None:
        if jobs and all(job.stopped for job in jobs):
            raise Cancelled("nobody waits for these answers any more")

    options = replace(asked[0].work.options, progress=progress)
    try:
        with closing(run_many(engine, conversations, options)) as answers:
            for index, answer in answers:
                jobs.remove(asked[index])
                asked[index].tell(answer)
                progress("", 0.0, 0.0)
    except Exception:  # of one of them, and it isn't told which: each is asked again, alone
        return


def _asked(job: Job) -> Conversation:
    assert job.work.together is not None
    return job.work.together
