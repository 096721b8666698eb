"""`featurewatch ack` and its like, as people type them, on the real Alertmanager."""

import getpass
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import get_args

import pytest
from receiver.live_alertmanager import LATENCY, LiveAlertmanager

from featurewatch_kit.cli import main
from featurewatch_kit.config.model import Severity
from featurewatch_kit.demo.processes import free_port
from featurewatch_receiver.labels import SEVERITIES

ALERT = LATENCY["alertname"]
LABELS = 'category="performance" extractor="extractor" type="latency"'
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveAlertmanager]:
    with LiveAlertmanager(tmp_path) as live:
        yield live


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def here(live: LiveAlertmanager, monkeypatch: pytest.MonkeyPatch) -> LiveAlertmanager:
    """Alertmanager where the commands look without being told."""
    monkeypatch.setenv("ALERTMANAGER_URL", live.url + "/")
    return live


@pytest.fixture
def stranger() -> Iterator[str]:
    """URL of a server that is no Alertmanager."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>Welcome</h1>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_acknowledge_list_and_take_back(here: LiveAlertmanager, run: Run) -> None:
    here.fire()
    code, out, err = run("ack", ALERT, "--reason", "looking into it", "--user", "ada")
    assert (code, err) == (0, "")
    done = rf"acknowledged {ALERT} {LABELS} at level 1 until {TIME}\n"
    assert re.fullmatch(done, out), out
    code, out, err = run("acks")
    assert (code, err) == (0, "")
    header, row = out.splitlines()
    assert header.split() == ["Alert", "Status", "Level", "User", "Until", "Reason"]
    assert re.fullmatch(rf"{ALERT} {LABELS}  acknowledged  1 +ada +{TIME}  looking into it", row)
    assert header.index("Reason") == row.index("looking")
    assert run("unack", ALERT) == (0, f"no longer acknowledged: {ALERT} {LABELS}\n", "")
    assert run("acks")[1].splitlines() == ["Alert  Status  Level  User  Until  Reason"]
    assert here.silences() == []


def test_resolve_and_take_back(here: LiveAlertmanager, run: Run) -> None:
    here.fire()
    code, out, _ = run("resolve", ALERT, "--reason", "scaled up")
    assert (code, out.split()[0]) == (0, "resolved")
    assert here.silences()[0]["createdBy"] == getpass.getuser()
    assert run("unack", ALERT)[1] == f"no longer resolved: {ALERT} {LABELS}\n"


def test_the_named_alertmanager_goes_before_that_of_the_environment(
    live: LiveAlertmanager, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTMANAGER_URL", f"http://127.0.0.1:{free_port()}")
    assert run("acks", "--alertmanager", live.url)[0] == 0
    assert run("acks")[0] == 2


def test_for_bounds_the_time(here: LiveAlertmanager, run: Run) -> None:
    here.fire()
    for words, hours in (([], 8), (["--for", "1d12h"], 36)):
        assert run("ack", ALERT, "--reason", "x", *words)[0] == 0
        (silence,) = here.silences()
        assert hours_between(silence["startsAt"], silence["endsAt"]) == pytest.approx(
            hours, abs=0.1
        )


def hours_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 3600


def test_what_does_not_fire_is_refused(here: LiveAlertmanager, run: Run) -> None:
    here.fire()
    assert run("ack", "Other", "--reason", "x") == (
        1,
        "",
        f'alertname="Other": no such alert fires; firing are: {ALERT}\n',
    )
    assert run("unack", ALERT) == (1, "", f'alertname="{ALERT}": is not acknowledged\n')


def test_of_several_one_is_named_by_a_label(here: LiveAlertmanager, run: Run) -> None:
    here.fire(extractor="a")
    here.fire(extractor="b=c d")
    code, out, err = run("ack", ALERT, "--reason", "x")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.endswith('add LABEL=VALUE of one: extractor="a" or extractor="b=c d"\n')
    code, out, _ = run("ack", ALERT, "extractor=b=c d", "--reason", "x")
    assert (code, 'extractor="b=c d"' in out) == (0, True)


def test_hostile_text_stays_on_its_line(here: LiveAlertmanager, run: Run) -> None:
    here.fire(extractor='x"\n\x1b[31m\u202e')
    assert run("ack", ALERT, "--reason", "a\nb \x1b[31m", "--user", "u\tv")[0] == 0
    _, out, _ = run("acks")
    assert len(out.splitlines()) == 2
    assert r'extractor="x\"\n\u001b[31m\u202e"' in out
    assert out.endswith("a b \\x1b[31m\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ack", ALERT, "--reason", " "], "reason: is empty; say why"),
        (["ack", ALERT, "--reason", "x", "--user", ""], "user: is empty; say who acknowledges"),
        (
            ["ack", ALERT, "--reason", "x", "--for", "8 hours"],
            "--for: 8 hours is no duration; write 30m, 8h or 1d",
        ),
        (
            ["resolve", ALERT, "--reason", "x", "--for", "9" * 30 + "d"],
            f"--for: {'9' * 30}d is no duration; write 30m, 8h or 1d",
        ),
        (
            ["ack", ALERT, "--reason", "x", "--for", "31d"],
            "duration: must be above 0s and at most 30d",
        ),
        (
            ["ack", ALERT, "a", "--reason", "x"],
            "a: is not LABEL=VALUE; write extractor=NAME, say",
        ),
        (["unack", ALERT, "=a"], "=a: is not LABEL=VALUE; write extractor=NAME, say"),
        *(
            (
                ["acks", "--alertmanager", f"http://me:secret{wrong}"],
                "--alertmanager: is no URL; write one like http://localhost:9093",
            )
            for wrong in ("@:9093", "?@host:9093", "#@host")
        ),
        (
            ["acks", "--alertmanager", "me:secret@host"],
            "--alertmanager: is no URL; write one like http://localhost:9093",
        ),
    ],
)
def test_wrong_input_is_told_in_one_line(words: list[str], said: str, run: Run) -> None:
    assert run(*words) == (2, "", said + "\n")


@pytest.mark.parametrize("command", [["acks"], ["unack", ALERT], ["ack", ALERT, "--reason", "x"]])
def test_an_alertmanager_that_is_away_is_named_without_its_login(
    command: list[str], run: Run
) -> None:
    port = free_port()
    assert run(*command, "--alertmanager", f"http://me:secret@127.0.0.1:{port}/am/") == (
        2,
        "",
        f"Alertmanager at http://127.0.0.1:{port}/am can't be reached (Connection refused);"
        " is it up?\n",
    )


def test_a_host_that_can_not_be_is_named_without_its_login(run: Run) -> None:
    code, out, err = run("acks", "--alertmanager", f"http://me:secret@{'a' * 70}.example:9093")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "can't be reached" in err
    assert "secret" not in err


def test_another_server_is_not_taken_for_alertmanager(stranger: str, run: Run) -> None:
    code, out, err = run("acks", "--alertmanager", stranger)
    assert (code, out, err.count("\n")) == (2, "", 1)
    start = f"Alertmanager at {stranger} does not answer GET /silences as Alertmanager does ("
    assert err.startswith(start)
    code, out, err = run("ack", ALERT, "--reason", "x", "--alertmanager", f"{stranger}/a\x7f")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_without_a_login_name_the_user_must_be_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise OSError("no username")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert run("ack", ALERT, "--reason", "x") == (
        2,
        "",
        "user: you have no login name; give --user NAME\n",
    )


def test_every_severity_of_the_configuration_is_known() -> None:
    assert get_args(get_args(Severity)[0]) == SEVERITIES
