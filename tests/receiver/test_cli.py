"""The command as operators run it: real processes, real sockets, real signals."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_receiver.cli import main
from receiver.payloads import Json, alert, payload
from receiver.processes import Replica
from receiver.target import Target

ROOT = Path(__file__).parents[2]
CACHE = "FeatureExtractionCacheHitRateLow"


def command(name: str, file: Path) -> list[str]:
    return [sys.executable, "-m", "featurewatch_receiver", name, "--config", str(file)]


def group() -> dict[str, Any]:
    path = {"PYTHONPATH": str(ROOT / "receivers")}
    return {"env": os.environ | path, "cwd": ROOT, "start_new_session": True}


Run = Callable[[str, Path], tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that does not get as far as serving: exit code, stdout, stderr."""

    def run(name: str, file: Path) -> tuple[int, str, str]:
        code = main([name, "--config", str(file)])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def serve(
    write_config: Callable[[], Path], settings: Json, tmp_path: Path
) -> Iterator[Callable[[], Replica]]:
    """Serve the settings as they are now, on a free port."""
    settings["receiver"]["listen"] = "127.0.0.1:0"
    started: list[Replica] = []

    def start() -> Replica:
        started.append(Replica(write_config(), tmp_path / f"served-{len(started)}.log"))
        return started[-1]

    yield start
    for served in started:
        served.kill()


def test_kill_9_loses_no_delivery_and_repeats_no_action(
    serve: Callable[[], Replica], target: Target
) -> None:
    """One action is under way, and one was accepted just before."""
    target.ready_at_once = False
    first = serve()
    first.ready()
    first.post(payload(alert()))
    eventually(lambda: target.effects)
    assert first.post(payload(alert(CACHE, extractor="other_extractor"))) == 200
    first.kill()
    second = serve()
    second.ready()
    target.ready_replicas = 2
    eventually(lambda: all(r["finished_at"] for r in second.remediations()))
    assert [r["state"] for r in second.remediations()] == ["done"] * 2
    assert sorted(target.effects) == ["clear", "scale 2"]
    assert second.post(payload(alert(CACHE, extractor="other_extractor"))) == 200
    assert len(second.remediations()) == 2


def test_sigterm_ends_it_quickly_even_in_the_middle_of_an_action(
    serve: Callable[[], Replica], settings: Json, target: Target
) -> None:
    settings["responses"]["timeout"] = "1h"  # nobody waits for the action's end
    target.ready_at_once = False
    served = serve()
    served.ready()
    served.post(payload(alert()))
    eventually(lambda: target.effects)
    served.process.terminate()
    assert served.process.wait(timeout=PATIENCE_SECONDS) == 0
    events = [(line["event"], line.get("state")) for line in served.lines()]
    assert events == [
        ("listening", None),
        ("alert", None),
        ("remediation", "planned"),
        ("remediation", "running"),
    ]


def test_it_listens_on_ipv6(serve: Callable[[], Replica], settings: Json) -> None:
    settings["receiver"]["listen"] = "[::1]:0"
    served = serve()
    served.ready()
    assert served.url.startswith("http://[::1]:")
    assert served.post(payload(alert())) == 200


def test_what_it_writes_is_not_for_others(serve: Callable[[], Replica], tmp_path: Path) -> None:
    """The history, and hashes of sessions; also of a database that everyone could read."""
    served = serve()
    served.ready()
    (file,) = tmp_path.glob("*.db")
    served.kill()
    file.chmod(0o644)
    serve().ready()
    made = [file, *tmp_path.glob(f"{file.name}*"), *tmp_path.glob("*slot*")]
    assert len(made) > 3
    assert [each.name for each in made if each.stat().st_mode & 0o007] == []


def test_a_taken_port_is_one_line(write_config: Callable[[], Path], settings: Json) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        settings["receiver"]["listen"] = address
        command_line = command("serve", write_config())
        done = subprocess.run(
            command_line,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            **group(),
        )
    line = f"receiver.listen: {address} can't be listened on (Address already in use); "
    line += "stop what listens there, or write another HOST:PORT\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


def test_what_serving_needs_is_checked_at_once(
    run: Run, write_config: Callable[[], Path], settings: Json, tmp_path: Path
) -> None:
    receiver = settings["receiver"]
    (tmp_path / "empty").write_text("\n")
    receiver["token_file"] = "/none/token"
    settings["backends"]["feature_server"]["token_file"] = str(tmp_path / "empty")
    assert run("serve", write_config()) == (
        2,
        "",
        "receiver.token_file: /none/token can't be read (No such file or directory); "
        "put the token there\n"
        f"backends.feature_server.token_file: {tmp_path}/empty holds no token; "
        "write one line of ASCII letters, digits and signs\n",
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"runbook_file": "/none/runbook.md"},
            "receiver.runbook_file: /none/runbook.md can't be read (No such file or directory); "
            "write its path\n",
        ),
        (
            {"database": "sqlite:////none/receiver.db"},
            "receiver.database: sqlite:////none/receiver.db can't be opened "
            "(unable to open database file); create its folder and let this user write there\n",
        ),
        (
            {"database": "sqlite:///:memory:"},
            "receiver.database: sqlite:///:memory: names no file; write sqlite:////PATH\n",
        ),
        (
            {"listen": "192.0.2.1:9099"},  # RFC 5737: nobody's
            "receiver.listen: 192.0.2.1:9099 can't be listened on "
            "(Cannot assign requested address); stop what listens there, or write another "
            "HOST:PORT\n",
        ),
    ],
)
def test_what_can_not_be_used_is_one_line(
    run: Run, write_config: Callable[[], Path], settings: Json, change: Json, line: str
) -> None:
    settings["receiver"] |= {"listen": "127.0.0.1:0"} | change
    assert run("serve", write_config()) == (2, "", line)


def test_check_config_tells_every_fault(
    run: Run, write_config: Callable[[], Path], settings: Json
) -> None:
    file = write_config()
    assert run("check-config", file) == (0, f"{file}: is fine\n", "")
    settings["targets"]["feature_extractor"]["backend"] = "nowhere"
    settings["targets"]["other_extractor"]["max_replicas"] = 1
    settings["targets"]["other_extractor"]["min_replicas"] = 2
    code, out, err = run("check-config", write_config())
    assert (code, out, len(err.splitlines())) == (2, "", 2)
    assert "write one of: feature_server" in err
