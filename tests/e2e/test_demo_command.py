"""`featurewatch demo` as a user runs it, where it ends early."""

import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_kit import programs

pytestmark = pytest.mark.e2e


def _demo(root: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "featurewatch_kit.cli", "demo", "--root", str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        # A shell starts what it runs in the background deaf to SIGINT, and its children inherit it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def _copy(root: Path, folder: Path) -> Path:
    """A checkout without the unpacked programs and with its own build folder."""
    names = [
        "alertmanager",
        "dashboards",
        "docs",
        "examples",
        "lib",
        "operator",
        "prometheus",
        "rules",
    ]
    for name in names:
        shutil.copytree(root / name, folder / name)
    for file in root.glob("*.libsonnet"):
        shutil.copy(file, folder)
    shutil.copy(root / "config.yaml", folder)
    shutil.copy(root / "config.schema.json", folder)
    return folder


def _mentioning(text: str) -> list[int]:
    """Ids of the processes whose command line or environment names `text`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in words and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_demo_leaves_no_process(
    root: Path, tmp_path: Path, number: signal.Signals
) -> None:
    copy = _copy(root, tmp_path / "checkout")
    (copy / programs.TOOLS).symlink_to(programs.tools_folder(root))
    with _demo(copy, **{programs.TOOLS_VARIABLE: ""}) as demo:
        assert demo.stdout is not None
        started = any("First incident" in line for line in demo.stdout)
        assert started, demo.stderr and demo.stderr.read()
        demo.send_signal(number)
        demo.wait(PATIENCE_SECONDS)
    assert demo.returncode != 0
    eventually(lambda: not _mentioning(str(copy)))


def test_a_missing_program_is_one_line_that_says_how_to_get_it(root: Path, tmp_path: Path) -> None:
    copy = _copy(root, tmp_path / "checkout")
    with _demo(copy, PATH="/nonexistent", **{programs.TOOLS_VARIABLE: ""}) as demo:
        _, error = demo.communicate(timeout=PATIENCE_SECONDS)
    assert demo.returncode == 2
    assert error == (
        "prometheus 2.42 or newer is needed, and it is not on PATH; run `make tools` (Debian,"
        " Ubuntu), or install prometheus and put it on PATH\n"
    )


def test_a_wrong_overlay_is_one_line_and_starts_nothing(root: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("alerting: {enabled: maybe}\n")
    command = [sys.executable, "-m", "featurewatch_kit.cli", "demo", "--config", str(overlay)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"{overlay}:1: alerting.enabled: must be true or false (here: maybe);"
        " write for example 'enabled: true'\n"
    )
