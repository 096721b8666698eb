"""The place in a file outlives the exporter, and lines are taken out of what containers write."""

import json
import os

import pytest

from featurewatch_exporter import json_lines, watch
from featurewatch_exporter.errors import ExporterError
from featurewatch_exporter.inotify import Inotify
from featurewatch_exporter.statefile import StateFile
from featurewatch_exporter.unwrap import CRI, DOCKER, Unwrapper

MAP = {
    "latency_ms": {"metric": "duration_seconds", "scale": 0.001},
    "error": {"metric": "errors_total", "label": "error_type"},
}


@pytest.fixture
def log(tmp_path):
    file = tmp_path / "features.jsonl"
    file.touch()
    return file


@pytest.fixture
def follow(run, log, tmp_path, eventually):
    """Run an exporter that keeps its place."""

    def start(**more):
        source = {"type": "file", "path": str(log), "map": MAP, **more}
        page = run(source, state_file=str(tmp_path / "state.json"))
        eventually(lambda: page("source_up", "file") == 1)
        return page

    return start


def append(log, *lines):
    with log.open("a") as stream:
        stream.writelines(line + "\n" for line in lines)


def test_what_was_written_while_no_exporter_ran_is_counted_by_the_next(follow, log, eventually):
    page = follow()
    append(log, '{"latency_ms": 1}')
    eventually(lambda: page("requests_total") == 1)
    page.exporter.__exit__(None, None, None)
    append(log, '{"latency_ms": 2}')
    log.rename(log.with_name("features.jsonl.1"))
    append(log, '{"latency_ms": 4}')
    page = follow()
    eventually(lambda: page("requests_total") == 2)
    assert page("duration_seconds_sum") == pytest.approx(0.006)


def test_place_of_another_path_is_not_taken(follow, log, tmp_path, run, eventually):
    follow().exporter.__exit__(None, None, None)
    other = tmp_path / "other.jsonl"
    append(other, '{"latency_ms": 1}')
    page = run(
        {"type": "file", "path": str(other), "map": MAP}, state_file=str(tmp_path / "state.json")
    )
    eventually(lambda: page("source_up", "file") == 1)
    append(other, '{"latency_ms": 2}')
    eventually(lambda: page("requests_total") == 1)


def test_state_file_is_for_nobody_else_to_read_and_holds_no_lines(
    follow, log, tmp_path, eventually
):
    page = follow()
    append(log, '{"latency_ms": 1, "secret": "a4f8"}')
    eventually(lambda: page("requests_total") == 1)
    page.exporter.__exit__(None, None, None)
    file = tmp_path / "state.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "a4f8" not in file.read_text()
    assert json.loads(file.read_text())["form"] == 1


def test_exporter_that_could_not_start_keeps_no_place(log, tmp_path, run, eventually, follow):
    append(log, '{"latency_ms": 1}')
    other = {"type": "statsd", "listen": "192.0.2.1:1", "map": {"t": {"metric": "queue_depth"}}}
    with pytest.raises(ExporterError, match="cannot listen"):
        run(
            {"type": "file", "path": str(log), "map": MAP},
            {**other, "extractor": "b"},
            state_file=str(tmp_path / "state.json"),
        )
    page = follow()
    append(log, '{"latency_ms": 2}')
    eventually(lambda: page("requests_total") == 1)
    assert page("duration_seconds_sum") == 0.002


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"form": 2, "sources": {}}',
        '{"form": 1, "sources": {"a": 1}}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_state_file_that_holds_something_else_is_refused(tmp_path, text):
    file = tmp_path / "state.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ExporterError) as raised:
        StateFile(file)
    assert str(raised.value) == (
        f"{file}: holds something else than the exporter's state; "
        "remove it, and what was written meanwhile is not read"
    )
    assert file.read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize(
    "kept",
    [
        {"follower": 5},
        {"follower": {}},
        {"follower": {"known": [], "former": [{"inode": "x"}], "current": None}},
        {"follower": {"known": [{}], "former": [], "current": None}},
        {"follower": {"known": [], "former": [], "current": {"inode": 1}}},
        {"follower": None, "pending": 5},
    ],
)
def test_place_that_is_none_is_refused_in_one_line(run, log, tmp_path, kept):
    file = tmp_path / "state.json"
    source = {"feature_extractor\nfile": {"path": str(log), **kept}}
    file.write_text(json.dumps({"form": 1, "sources": source}))
    with pytest.raises(ExporterError, match="holds something else than the exporter's state"):
        run({"type": "file", "path": str(log), "map": MAP, "format": "cri"}, state_file=str(file))


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("none/state.json", "can't be written (No such file or directory)"),
        ("", "can't be read (Is a directory)"),
    ],
)
def test_state_file_that_cannot_be_used_is_refused(tmp_path, place, problem):
    with pytest.raises(ExporterError) as raised:
        StateFile(tmp_path / place)
    assert str(raised.value).startswith(f"{tmp_path / place}: {problem}; ")


def test_place_that_cannot_be_kept_is_told_and_reading_goes_on(
    follow, log, tmp_path, eventually, caplog
):
    page = follow()
    (tmp_path / "state.json.new").mkdir()
    append(log, '{"latency_ms": 1}')
    eventually(lambda: page("source_failures_total", "file"))
    assert page("requests_total") == 1
    assert "place cannot be kept in the state file ('Is a directory')" in caplog.text
    os.rmdir(tmp_path / "state.json.new")  # noqa: PTH106 - the fixture's own


DOCKER_LINES = [
    ["stdout", '{"latency_ms": 1, "error": "A"}\n'],
    ["stdout", '{"latency_ms": 2,'],
    ["stderr", '{"latency_ms": 4}\n'],
    ["stdout", ' "error": "é"}\n'],
]


def docker(stream, text):
    return json.dumps({"log": text, "stream": stream, "time": "2026-11-30T12:00:00.000000000Z"})


def cri(stream, text):
    tag = "F" if text.endswith("\n") else "P"
    return f"2026-11-30T12:00:00.000000000+01:00 {stream} {tag} {text.rstrip()}"


@pytest.mark.parametrize(("form", "wrap"), [("docker", docker), ("cri", cri)])
def test_lines_of_containers_are_unwrapped_and_joined(follow, log, eventually, form, wrap):
    page = follow(format=form)
    append(log, *(wrap(*line) for line in DOCKER_LINES))
    eventually(lambda: page("requests_total") == 3)
    assert page("duration_seconds_sum") == pytest.approx(0.007)
    assert page("errors_total", "A") == page("errors_total", "é") == 1
    assert page("source_failures_total", "file") == 0


@pytest.mark.parametrize(("form", "wrap"), [("docker", docker), ("cri", cri)])
def test_pieces_of_a_line_outlive_a_restart(follow, log, eventually, form, wrap):
    page = follow(format=form)
    append(log, wrap("stdout", '{"latency_ms":'), wrap("stderr", '{"latency_ms": 1}\n'))
    eventually(lambda: page("requests_total") == 1)
    page.exporter.__exit__(None, None, None)
    page = follow(format=form)
    append(log, wrap("stdout", " 2}\n"))
    eventually(lambda: page("requests_total") == 1)
    assert page("duration_seconds_sum") == 0.002


@pytest.mark.parametrize(
    ("form", "line", "problem"),
    [
        (DOCKER, b"{", "are not as Docker's json-file driver writes them"),
        (DOCKER, b'{"latency_ms": 1}', "are not as Docker's json-file driver writes them"),
        (
            DOCKER,
            b'{"log": 5, "stream": "stdout"}',
            "are not as Docker's json-file driver writes them",
        ),
        (DOCKER, b"[]", "are not as Docker's json-file driver writes them"),
        (CRI, b'{"latency_ms": 1}', "are not as container runtimes write them (CRI)"),
        (
            CRI,
            b"2026-11-30T12:00:00Z stdout X {}",
            "are not as container runtimes write them (CRI)",
        ),
    ],
)
def test_line_that_is_not_wrapped_is_refused(form, line, problem):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - compared as a whole
        Unwrapper(form).line(line)
    assert str(raised.value) == problem


def test_pieces_without_an_end_are_given_up():
    unwrapper = Unwrapper(CRI)
    piece = b"2026-11-30T12:00:00Z stdout P " + b"x" * 500_000
    assert [unwrapper.line(piece) for _ in range(2)] == [b"", b""]
    with pytest.raises(ValueError, match="hold more than 1048576 bytes"):
        unwrapper.line(piece)
    assert unwrapper.pending == {}


def test_empty_and_tagged_lines_of_cri_are_taken():
    unwrapper = Unwrapper(CRI)
    assert unwrapper.line(b"2026-11-30T12:00:00Z stdout F ") == b""
    assert unwrapper.line(b"2026-11-30T12:00:00Z stderr F:tag:other {} x") == b"{} x"


def test_numbers_as_text_of_lines_are_taken_by_option(follow, log, eventually):
    page = follow(numbers_as_text=True)
    append(log, '{"latency_ms": "1.5"}', '{"latency_ms": 2}', '{"latency_ms": "x"}')
    eventually(lambda: page("requests_total") == 2)
    assert page("duration_seconds_sum") == pytest.approx(0.0035)
    assert page("source_failures_total", "file") == 1


def test_with_the_extra_linux_tells_of_new_lines(tmp_path, closing):
    made = watch.watch()
    closing.callback(made.close)
    assert isinstance(made, Inotify)


def test_without_inotify_it_looks_from_time_to_time(monkeypatch, follow, log, eventually, caplog):
    def refused(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Inotify, "__init__", refused)
    page = follow()
    append(log, '{"latency_ms": 1}')
    eventually(lambda: page("requests_total") == 1)
    assert "no inotify (Too many open files): looks every 0.5 s" in caplog.text


def test_folder_that_goes_and_comes_again_is_watched_again(monkeypatch, tmp_path, run, eventually):
    # Nothing but inotify tells of a line within the test's time.
    monkeypatch.setattr(watch, "LOOK_SECONDS", 5.0)
    assert json_lines.watch is watch.watch
    log = tmp_path / "logs/features.jsonl"
    log.parent.mkdir()
    log.touch()
    page = run({"type": "file", "path": str(log), "map": MAP})
    eventually(lambda: page("source_up", "file") == 1)
    append(log, '{"latency_ms": 1}')
    eventually(lambda: page("requests_total") == 1)
    log.unlink()
    log.parent.rmdir()
    log.parent.mkdir()
    append(log, '{"latency_ms": 1}')
    eventually(lambda: page("requests_total") == 2)
