"""Recorded deliveries: written down, sent again, and tried against a configuration."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from werkzeug.serving import make_server

from featurewatch_receiver.cli import main
from featurewatch_receiver.deliveries import replay
from receiver.in_process import Receiver
from receiver.payloads import Json, alert, at, payload

CACHE = "FeatureExtractionCacheHitRateLow"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two incidents of one extractor, three minutes apart, and one of a stranger."""
    deliveries = [
        payload(alert(CACHE)),
        payload(alert(CACHE, end=at(2))),
        payload(alert(CACHE, start=at(3))),
        payload(alert(CACHE, start=at(3), end=at(4))),
        payload(alert(CACHE, start=at(5), extractor="stranger")),
        payload(alert(CACHE, start=at(30))),
    ]
    file = tmp_path / "deliveries.jsonl"
    file.write_text("".join(json.dumps(body) + "\n" for body in deliveries))
    return file


@pytest.fixture
def url(receiver: Receiver) -> Iterator[str]:
    """The receiver, on a port."""
    server = make_server("127.0.0.1", 0, receiver.client.application, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_was_recorded_is_sent_again(
    receiver: Receiver,
    url: str,
    recording: Path,
    write_config: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["replay", str(recording), "--config", str(write_config()), "--url", url]
    for _ in range(2):  # what is there already is not doubled
        assert main(command) == 0
        assert capsys.readouterr().out == f"{recording}: 6 deliveries are stored\n"
        receiver.apply()
        assert len(receiver.episodes()) == 4


def test_accepted_deliveries_are_recorded_and_others_not(
    make_receiver: Callable[[], Receiver], settings: Json, tmp_path: Path
) -> None:
    file = tmp_path / "record.jsonl"
    settings["receiver"]["record_file"] = str(file)
    receiver = make_receiver()
    bodies = [payload(alert()), payload(alert(), alert(CACHE, note="two\nlines"))]
    for body in bodies:
        assert receiver.post(json.dumps(body, indent=2).encode()).status_code == 200
    assert receiver.post(b"{}").status_code == 400
    assert [json.loads(line) for line in file.read_text().splitlines()] == bodies
    assert [json.loads(recorded.body) for recorded in replay.read(str(file))] == bodies


def test_a_record_that_can_not_be_written_costs_no_delivery(
    make_receiver: Callable[[], Receiver],
    settings: Json,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings["receiver"]["record_file"] = str(tmp_path / "none/record.jsonl")
    make_receiver().deliver(alert())
    assert "delivery could not be recorded" in caplog.text


def test_a_dry_run_tells_what_would_be_decided_and_touches_nothing(
    recording: Path,
    settings: Json,
    write_config: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    before = sorted(tmp_path.iterdir())
    config = write_config()
    assert main(["replay", str(recording), "--config", str(config), "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{recording}:1: {CACHE}: clear_cache on feature_extractor: due",
        f"{recording}:3: {CACHE}: clear_cache on feature_extractor: skipped, cooldown",
        f"{recording}:5: {CACHE}: clear_cache on no target: skipped, target_not_allowed",
        f"{recording}:6: {CACHE}: clear_cache on feature_extractor: due",
    ]
    settings["responses"]["actions"]["clear_cache"]["cooldown"] = "1m"
    assert main(["replay", str(recording), "--config", str(write_config()), "--dry-run"]) == 0
    assert capsys.readouterr().out.count(": due") == 3
    assert sorted(tmp_path.iterdir()) == sorted({*before, config})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "can't be read (No such file or directory); write its path"),
        ("\n[1]\n", "1: body: must be an object; send what Alertmanager sends"),
    ],
)
def test_a_faulty_recording_is_refused_before_anything_is_sent(
    write_config: Callable[[], Path],
    tmp_path: Path,
    text: str | None,
    fault: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "faulty.jsonl"
    if text is not None:
        file.write_text(text)
    assert main(["replay", str(file), "--config", str(write_config())]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"{file}:")
    assert line.endswith(f"{fault}\n")
    assert line.count("\n") == 1


def test_a_receiver_that_refuses_or_is_away_is_one_line(
    recording: Path,
    url: str,
    write_config: Callable[[], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "other-token").write_text("other")
    command = ["replay", str(recording), "--config", str(write_config())]
    assert main([*command, "--url", url, "--token-file", str(tmp_path / "other-token")]) == 2
    refused = capsys.readouterr().err
    assert refused.startswith(f"{recording}:1: the receiver answered 401: ")
    assert refused.endswith("; the 0 before it are stored\n")
    assert main([*command, "--url", "http://127.0.0.1:1"]) == 2
    assert capsys.readouterr().err.startswith(f"{recording}:1: no answer from http://127.0.0.1:1")
