"""Bringing an archive up to date: what is new, what failed, what is the same, what is done."""

import time
from dataclasses import replace

import pytest

from qwen_audio_tools.archive.adding import Adding
from qwen_audio_tools.archive.records import PUBLISHER, State
from qwen_audio_tools.archive.status import status
from qwen_audio_tools.archive.syncing import Choice, Planned, sync
from qwen_audio_tools.archive.verifying import verify
from qwen_audio_tools.archive.visiting import Visit
from qwen_audio_tools.archive.work import MOST_ATTEMPTS, Outcome
from qwen_audio_tools.archive.workers import InThisProcess
from qwen_audio_tools.errors import EngineRefused, EngineUnreachable
from qwen_audio_tools.tasks import Ability
from qwen_audio_tools.testing.made_podcasts import item, rss
from qwen_audio_tools.testing.scripted_engine import ScriptedEngine


class Engine(ScriptedEngine):
    """Says the same of all that it hears."""

    def __init__(self, reply="It was said.") -> None:
        super().__init__([reply] * 1000, abilities=frozenset({Ability.TRANSCRIBE}))


@pytest.fixture
def run(archive, fetcher):
    def run(engine=None, **choice):
        events = []
        listening = InThisProcess(archive, engine or Engine())
        report = sync(archive, fetcher, listening, choice=Choice(**choice), tell=events.append)
        return report, events

    return run


@pytest.fixture
def show(podcasts, archive, fetcher, sound):
    """A show of three episodes, in the archive; call it to change its feed."""

    def show(*numbers, inside="", **pages):
        items = []
        for number in numbers:
            url = podcasts.put(f"/{number}.mp3", sound(number), **pages)
            items.append(item(number, url, inside=inside))
        return podcasts.put("/feed.xml", rss(*items))

    list(Adding(archive=archive, fetcher=fetcher).add(show(1, 2, 3)))
    return show


def states(archive):
    return {record.episode.title: record.state for record in archive.ledger}


def record_of(archive, number):
    return next(r for r in archive.ledger if r.episode.title == f"Episode {number}")


def test_all_is_fetched_and_heard_the_newest_first(run, show, archive):
    report, events = run()
    assert (report.heard, report.failed) == (3, [])
    heard = [event.title for event in events if isinstance(event, Outcome)]
    assert heard == ["Episode 3", "Episode 2", "Episode 1"]
    assert states(archive) == dict.fromkeys(heard, State.HEARD)
    assert [type(event) for event in events[:2]] == [Visit, Planned]
    assert list(verify(archive, audio=True)) == []


def test_a_second_run_has_nothing_to_do_and_fetches_nothing(run, show, podcasts):
    run()
    asked = len(podcasts.asked)
    report, _ = run()
    assert (report.heard, report.planned.episodes) == (0, 0)
    assert len(podcasts.asked) == asked + 1  # the feed


def test_only_the_new_episode_is_heard(run, show):
    run()
    show(1, 2, 3, 4)
    report, events = run()
    assert [event.title for event in events if isinstance(event, Outcome)] == ["Episode 4"]
    assert report.heard == 1


def test_an_episode_that_cannot_be_heard_stops_no_other(run, show, archive):
    def reply(conversation):
        if "Episode 2" in conversation[-1].clips[0].name:
            raise EngineRefused("not this one")
        return "Fine."

    report, _ = run(Engine(reply))
    assert report.heard == 2
    assert [(each.title, each.error) for each in report.failed] == [("Episode 2", "not this one")]
    failed = record_of(archive, 2)
    assert (failed.state, failed.attempts, failed.error) == (State.FAILED, 1, "not this one")
    report, _ = run()
    assert (report.heard, record_of(archive, 2).error) == (1, "")


def test_even_a_bug_stops_no_other(run, show, archive):
    def reply(conversation):
        if "Episode 2" in conversation[-1].clips[0].name:
            raise ZeroDivisionError("oh")
        return "Fine."

    report, _ = run(Engine(reply))
    assert report.heard == 2
    assert record_of(archive, 2).error == "unexpected ZeroDivisionError: oh"


def test_what_fails_too_often_is_left_alone_until_somebody_asks(run, show, podcasts, archive):
    del podcasts.pages["/2.mp3"]
    for attempts in range(1, MOST_ATTEMPTS + 1):
        run()
        assert record_of(archive, 2).attempts == attempts
    report, _ = run()
    assert report.planned.episodes == 0
    (failure,) = status(archive).failures
    assert failure.given_up
    assert "does not exist: the server says 404" in failure.error
    report, _ = run(again=True)
    assert len(report.failed) == 1


def test_an_engine_that_is_away_is_no_episodes_fault(run, show, archive):
    with pytest.raises(EngineUnreachable):
        run(Engine(EngineUnreachable("no server")))
    assert {record.attempts for record in archive.ledger} == {0}
    assert run()[0].heard == 3


def test_a_run_that_ends_early_lets_go_of_a_download_which_goes_on_next_time(
    run, show, podcasts, archive, sound
):
    show(1, 2, 3)
    podcasts.put("/2.mp3", sound(2), etag='"2"', pause=1.0)

    def reply(_):
        while not any(archive.folder.glob("audio/*/*.part")):
            time.sleep(0.01)
        raise EngineUnreachable("no server")

    with pytest.raises(EngineUnreachable):
        run(Engine(reply))
    podcasts.pages["/2.mp3"].pause = 0.0
    assert run()[0].heard == 3
    first, then = [given for path, given in podcasts.asked if path == "/2.mp3"]
    assert ("range" in first, int(then["range"][6:-1]) > 0) == (False, True)


def test_the_same_audio_is_heard_once(run, show, podcasts, archive, sound):
    podcasts.put("/3.mp3", sound(1))
    report, _ = run()
    assert (report.heard, report.same) == (2, 1)
    (same,) = [record for record in archive.ledger if record.state is State.SAME]
    owner = archive.ledger.get(same.same_as)
    assert owner.episode.enclosure.sha256 == same.episode.enclosure.sha256
    assert len(list((archive.folder / "audio").rglob("*.mp3"))) == 2
    assert list(verify(archive)) == []


def test_audio_that_was_put_elsewhere_is_fetched_but_not_heard_again(run, show, podcasts, archive):
    run()
    engine = Engine()
    body = podcasts.pages["/1.mp3"].body
    podcasts.put("/moved.mp3", body)
    text = podcasts.pages["/feed.xml"].body.decode().replace("/1.mp3", "/moved.mp3")
    podcasts.put("/feed.xml", text)
    report, _ = run(engine)
    assert engine.heard == []
    assert report.planned.episodes == 1
    assert record_of(archive, 1).state is State.HEARD


def test_other_audio_is_heard_again(run, show, podcasts, archive, sound):
    run()
    podcasts.put("/other.mp3", sound(7))
    text = podcasts.pages["/feed.xml"].body.decode().replace("/1.mp3", "/other.mp3")
    podcasts.put("/feed.xml", text)
    assert run(Engine("Something else."))[0].heard == 1
    assert record_of(archive, 1).passages[0].text == "Something else."


def test_audio_that_is_gone_is_fetched_again(run, show, archive):
    run()
    path = archive.path_of(record_of(archive, 1))
    path.unlink()
    assert [problem.title for problem in verify(archive)] == ["Episode 1"]
    engine = Engine()
    run(engine)
    assert path.is_file()
    assert engine.heard == []
    assert list(verify(archive)) == []


def test_the_publishers_words_are_taken_first(run, podcasts, archive, fetcher, sound):
    podcasts.put("/a.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\n<v Ann>Written words.\n")
    inside = """<podcast:transcript url="/gone.json" type="application/json"/>
    <podcast:transcript url="/a.vtt" type="text/vtt"/><podcast:chapters url="/c.json"/>"""
    podcasts.put("/c.json", '{"chapters": [{"startTime": 0, "title": "All of it"}]}')
    url = podcasts.put("/feed.xml", rss(item(1, podcasts.put("/1.mp3", sound(1)), inside=inside)))
    list(Adding(archive=archive, fetcher=fetcher).add(url))
    engine = Engine()
    run(engine)
    record = record_of(archive, 1)
    assert (record.words, record.language, record.state) == (PUBLISHER, "en", State.HEARD)
    assert [(p.text, p.speakers, p.chapter) for p in record.passages] == [
        ("Written words.", ("Ann",), "All of it")
    ]
    assert engine.heard == []
    assert any("no transcript from" in warning and "404" in warning for warning in record.warnings)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({"body": b""}, "is empty: 0 bytes"),
        ({"body": b"<html><body>Sold</body></html>", "kind": "audio/mpeg"}, "is a web page"),
        ({"body": b"\x89PNG\r\n\x1a\n" + bytes(999)}, "is a picture"),
        ({"body": b"#EXTM3U\n#EXTINF:2,\n/etc/passwd\n"}, "is an HLS playlist"),
        ({"body": b"ID3\x04" + bytes(5000)}, "not a sound file"),
        ({"body": b"x" * 1000, "claims": 5000}, "broke off: 1000 of 5000 bytes"),
        ({"body": b"", "status": 302, "headers": {"Location": "http://[::1]:1/x"}}, "be reached"),
        ({"body": b"", "status": 302, "headers": {"Location": "ftp://x/y"}}, "only https and http"),
    ],
)
def test_audio_that_is_none_is_refused_with_a_clear_word(run, show, podcasts, archive, page, words):
    podcasts.put("/2.mp3", page.pop("body"), **page)
    report, _ = run()
    assert report.heard == 2
    (failure,) = status(archive).failures
    assert words in failure.error
    assert len(list((archive.folder / "audio").rglob("*.mp3"))) == 2


def test_a_truncated_mp3_is_heard_as_far_as_it_goes(run, show, podcasts, archive, sound):
    body = sound(2)
    podcasts.put("/2.mp3", body[: len(body) // 2])
    assert run()[0].heard == 3
    record = record_of(archive, 2)
    assert 0 < record.duration < 1.0


def test_another_file_of_the_episode_is_taken_where_the_first_fails(
    run, podcasts, archive, fetcher, sound
):
    inside = f"""<podcast:alternateEnclosure type="audio/mpeg">
    <podcast:source uri="{podcasts.put("/b.mp3", sound(2))}"/></podcast:alternateEnclosure>"""
    url = podcasts.put("/feed.xml", rss(item(1, f"{podcasts.url}/gone.mp3", inside=inside)))
    list(Adding(archive=archive, fetcher=fetcher).add(url))
    assert run()[0].heard == 1
    record = record_of(archive, 1)
    assert record.episode.enclosure.url.endswith("/b.mp3")
    assert "another file was taken" in record.warnings[0]


def test_a_feed_that_is_wrong_about_the_bytes_is_told(run, podcasts, archive, fetcher, sound):
    items = [item(1, podcasts.put("/1.mp3", sound(1)), length=10**9)]
    list(Adding(archive=archive, fetcher=fetcher).add(podcasts.put("/feed.xml", rss(*items))))
    assert run()[0].heard == 1
    assert record_of(archive, 1).warnings[0].startswith("the feed says 1,000,000,000 bytes")


def test_what_is_in_work_elsewhere_is_left_to_others(run, show, archive):
    id = record_of(archive, 2).episode.id
    with archive.ledger.locked(id):
        report, _ = run()
    assert (report.heard, report.busy) == (2, 1)
    assert run()[0].heard == 1


def test_one_can_choose_what_to_hear(run, show, archive, podcasts, fetcher, sound):
    other = rss(item(9, podcasts.put("/9.mp3", sound(9))), title="Another")
    list(Adding(archive=archive, fetcher=fetcher).add(podcasts.put("/other.xml", other)))
    another = archive.shows.named("anoth")
    assert run(shows=frozenset({another.id}))[0].heard == 1
    assert run(since="2025-06-03")[0].heard == 1
    assert run(limit=1)[0].heard == 1
    assert states(archive)["Episode 1"] is State.NEW


def test_a_damaged_record_is_told_set_aside_and_taken_in_anew(run, show, archive):
    run()
    path = archive.ledger.path(record_of(archive, 2).episode.id)
    path.write_bytes(path.read_bytes()[:300])
    standing = status(archive)
    assert standing.episodes == 2
    (damaged,) = standing.damaged
    assert damaged.path.startswith("broken/episodes/")
    assert any("damaged and set aside" in problem.what for problem in verify(archive))
    assert run()[0].heard == 1
    assert status(archive).episodes == 3


def test_a_feed_that_fails_stops_no_other(run, show, podcasts, archive, fetcher, sound):
    other = rss(item(9, podcasts.put("/9.mp3", sound(9))), title="Another")
    list(Adding(archive=archive, fetcher=fetcher).add(podcasts.put("/other.xml", other)))
    podcasts.put("/feed.xml", "", status=500)
    report, _ = run()
    assert report.heard == 4
    assert [each.title for each in report.shows_failed] == ["The Harbour Show"]
    assert "500" in status(archive).shows[1].error


def test_the_time_that_is_left_is_told_by_how_it_went(run, show, archive):
    for record in archive.ledger:
        archive.ledger.put(replace(record, duration=3600.0))
    report, events = run()
    (planned,) = [event for event in events if isinstance(event, Planned)]
    assert (planned.episodes, planned.seconds) == (3, 10_800.0)
    assert report.left == 0.0
    assert report.speed > 0
