"""The command: it checks, serves until it is told to end, and says in one line what is wrong."""

import json
import re
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from threading import Timer
from urllib.request import urlopen

import prometheus_client
import pytest
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS

import featurewatch
from featurewatch import METRICS, names

from .servers import HOST

COMMAND = [sys.executable, "-m", "featurewatch_exporter"]
CONFIG = {
    "sources": [
        {"type": "http", "url": "http://127.0.0.1:1/", "preset": "monitor_snapshot"},
        {
            "type": "statsd",
            "listen": f"{HOST}:0",
            "map": {
                "t": {"metric": "duration_seconds"},
                "e.*": {"metric": "errors_total", "label": "error_type"},
            },
        },
        {"type": "file", "path": "none.jsonl", "map": {"q": {"metric": "queue_depth"}}},
    ]
}


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "exporter.json"
    file.write_text(json.dumps(CONFIG))
    return file


@pytest.fixture
def command(tmp_path):
    """Run the command to its end: exit code, and what it says on both streams."""

    def run(*arguments):
        done = subprocess.run(
            [*COMMAND, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=PATIENCE_SECONDS,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def started(config, tmp_path, closing):
    """Start the command; return the process, where to scrape, and where statsd is taken."""
    process = subprocess.Popen(
        [*COMMAND, "--config", config, "--listen", f"{HOST}:0"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    closing.callback(process.stderr.close)
    closing.callback(process.wait, 10)
    closing.callback(process.kill)
    deadline = Timer(60, process.kill)
    closing.callback(deadline.cancel)
    deadline.start()
    said = ""
    while not (found := re.search(r"metrics at (\S+)\n(?:.*\n)*?.*statsd at \S+:(\d+)\n", said)):
        line = process.stderr.readline()
        assert line, f"it ended: {said}"
        said += line
    return process, found[1], (HOST, int(found[2]))


def test_check_says_that_a_good_file_is_fine(command, config):
    assert command("--config", config, "--check") == (0, f"{config}: is fine\n", "")


def test_check_answers_a_bad_file_with_its_faults_and_2(command, tmp_path):
    file = tmp_path / "bad.json"
    file.write_text('{"sources": [{"type": "file"}], "x": 1}')
    code, out, said = command("--config", file, "--check")
    assert (code, out) == (2, "")
    assert said.splitlines() == [
        f"{file}: x: unknown key; the keys here are sources, duration_buckets, state_file",
        f"{file}: sources[0].map: is missing; write for example "
        '"map": {"latency_ms": {"metric": "duration_seconds", "scale": 0.001}}',
        f'{file}: sources[0].path: is missing; write for example "path": "/var/log/features.jsonl"',
    ]


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly(started, signal_number):
    process, url, _ = started
    with urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
        assert b"feature_extraction_source_up{" in answer.read()
    process.send_signal(signal_number)
    assert process.wait(PATIENCE_SECONDS) == 0
    rest = process.stderr.read()
    assert f"ends on {signal_number.name}" in rest
    assert "Traceback" not in rest


def test_taken_port_is_one_line_and_2(command, config):
    with socket.create_server((HOST, 0)) as holder:
        port = holder.getsockname()[1]
        code, _, said = command("--config", config, "--listen", f"{HOST}:{port}")
    assert code == 2
    assert said == (
        f"cannot serve metrics on {HOST}:{port} (Address already in use): "
        "stop what listens there, or choose another host or port (port 0 takes a free one)\n"
    )


def test_address_that_is_none_is_one_line_and_2(command, config):
    code, _, said = command("--config", config, "--listen", "9102")
    assert code == 2
    assert said.splitlines()[-1] == (
        "featurewatch-exporter: error: argument --listen: must be HOST:PORT, an IPv6 host in "
        "brackets, and a port up to 65535; write for example 127.0.0.1:9102"
    )


def test_promtool_finds_nothing_to_say_about_the_page(started, promtool, eventually):
    _, url, statsd = started
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b't:3|ms|@0.3\ne.a "quoted" \\ name:1|c\ngarbage', statsd)

    def page():
        with urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            text = answer.read()
        return text if b"errors_total{" in text and b"last_sample" in text else b""

    text = eventually(page)
    done = subprocess.run(
        [promtool, "check", "metrics"],
        check=False,
        input=text,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    shown = re.findall(r"^# HELP (\S+) (.+)\n# TYPE \1 (\w+)$", text.decode(), re.MULTILINE)
    contract = {(metric.name, metric.help, metric.type) for metric in METRICS}
    assert set(shown) <= contract
    about_sources = {metric.name for metric in METRICS if names.LABEL_SOURCE in metric.labels}
    assert about_sources <= {name for name, _, _ in shown}


def test_package_installs_the_command_and_all_of_its_code(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {
        "featurewatch-exporter": "featurewatch_exporter.cli:main"
    }
    source = root / "exporter"
    folders = {file.parent.relative_to(source) for file in source.rglob("__init__.py")}
    packages = {".".join(folder.parts) for folder in folders}
    assert set(project["tool"]["setuptools"]["packages"]) == packages


def test_nothing_is_needed_beyond_prometheus_client(config):
    # -I -S: without what the environment imports at the start of every process.
    paths = [str(Path(module.__file__).parents[1]) for module in (featurewatch, prometheus_client)]
    code = (
        f"import sys; sys.path += {paths}\n"
        "import featurewatch_exporter.cli as cli\n"
        f"assert cli.main(['--config', {str(config)!r}, '--check']) == 0\n"
        "known = sys.stdlib_module_names | {'featurewatch', 'featurewatch_exporter'}\n"
        "extra = {name.partition('.')[0] for name in sys.modules} - known - {'prometheus_client'}\n"
        "print(*sorted(name for name in extra if not name.startswith('_')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], check=False, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (f"{config}: is fine\n\n", "")
