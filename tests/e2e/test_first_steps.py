"""The README's first steps as they stand there: from an empty folder to an acknowledged alert."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from receiver.console.serving import browser
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS, eventually

from featurewatch_kit.demo.mailbox import Mailbox
from featurewatch_kit.demo.processes import free_port

pytestmark = pytest.mark.e2e

SERVICE = """
import time
from featurewatch import Extractor, start_metrics_server
extractor = Extractor("feature_extractor")
start_metrics_server({port})
while True:
    with extractor.extraction() as x:
        x.cache_hit()
        time.sleep(0.3)
"""


@dataclass
class Steps:
    """A folder to begin in, and a machine whose usual ports are other ones."""

    root: Path
    folder: Path
    ports: dict[str, int]

    def commands(self) -> list[list[str]]:
        """What the README says to type after the library is in the service."""
        text = (self.root / "README.md").read_text(encoding="utf-8")
        section = text.partition("## Put it on your service")[2]
        block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
        assert block
        lines = [line.removeprefix("$ ") for line in block[1].splitlines()]
        return [shlex.split(self.here(line)) for line in lines]

    def here(self, text: str) -> str:
        for port, free in self.ports.items():
            text = text.replace(f":{port}", f":{free}")
        return text.replace(".venv/bin/featurewatch", f"{sys.executable} -m featurewatch_kit.cli")

    def run(self, command: list[str]) -> str:
        done = subprocess.run(
            [*command, "--root", str(self.root)],
            cwd=self.folder,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout

    def hasten(self, mailbox: Mailbox) -> None:
        """Times of the demo, these ports, and a mail server."""
        file = self.folder / "mine/featurewatch.yaml"
        times = yaml.safe_load((self.root / "examples/demo.yaml").read_text(encoding="utf-8"))
        del times["responses"]
        times["channels"] = {"email": {"smarthost": mailbox.address, "require_tls": False}}
        settings = _merged(yaml.safe_load(self.here(file.read_text(encoding="utf-8"))), times)
        file.write_text(yaml.safe_dump(settings), encoding="utf-8")


def _merged(below: dict, above: dict) -> dict:
    both = {
        key: _merged(below[key], value)
        if isinstance(value, dict) and isinstance(below.get(key), dict)
        else value
        for key, value in above.items()
    }
    return below | both


@pytest.fixture
def steps(root: Path, tmp_path: Path) -> Steps:
    usual = ("9101", "9090", "9093", "9099")
    return Steps(root=root, folder=tmp_path, ports={port: free_port() for port in usual})


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def start(stack: ExitStack, command: list[str], folder: Path) -> "subprocess.Popen[str]":
    """Start what runs until the test is over."""
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    def end() -> None:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
        process.stdout.close()

    stack.callback(end)
    return process


def test_from_an_empty_folder_to_an_acknowledged_alert(steps: Steps, stack: ExitStack) -> None:
    init, check, generate, up = steps.commands()
    mailbox = stack.enter_context(Mailbox())
    service = SERVICE.format(port=steps.ports["9101"])
    start(stack, [sys.executable, "-c", service], steps.folder)

    token = re.search(r"shown once:\n\s+(\S+)", steps.run(init))[1]
    steps.hasten(mailbox)
    assert steps.run(check).splitlines()[-1].endswith(": fine")
    steps.run(generate)
    chain = start(stack, [*up, "--root", str(steps.root)], steps.folder)
    where = {}
    while "Ctrl-C" not in (line := chain.stdout.readline()):
        assert line, "up ended"
        name, _, place = line.partition(" ")
        where[name] = place.strip()
    assert set(where) == {"Console", "Prometheus", "Alertmanager", "Logs"}

    (mail,) = eventually(mailbox.messages)[:1]
    assert "FeatureExtractionLatency" in mail["Subject"]
    assert mail["To"] == "you@example.com"

    page = stack.enter_context(browser()).new_page()
    page.set_default_timeout(ANSWER_SECONDS * 1000)
    page.goto(where["Console"])
    page.fill("#token", token)
    with page.expect_navigation():
        page.click("main button")
    page.get_by_role("link", name="Acknowledge", exact=True).first.click()
    page.fill("#reason", "looking into it")
    page.get_by_role("button", name="Acknowledge").click()
    page.wait_for_selector(".banner.good")
    assert "looking into it" in page.inner_text("#head")


def test_up_without_init_says_so(steps: Steps) -> None:
    *_, up = steps.commands()
    done = subprocess.run(
        [*up, "--root", str(steps.root)],
        cwd=steps.folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (
        2,
        f"{steps.folder}/mine/featurewatch.yaml: is not there; run `featurewatch init` first\n",
    )
