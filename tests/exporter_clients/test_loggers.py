"""Loggers that rotate by themselves: each line that they wrote is counted once."""

import os
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest
from exporter_rotation.rotators import SERVICE, Counted, Service, ending

LOGGERS = Path(__file__).parents[2] / ".tools-loggers"
PINO = Path(__file__).with_name("pino_service.mjs")
LINES = 3000
PER_SECOND = 1500
pytestmark = pytest.mark.clients


@pytest.fixture(scope="module", autouse=True)
def loggers():
    assert LOGGERS.is_dir(), "no loggers; run `make test-clients`"


def loguru(log):
    numbers = [str(LINES), str(PER_SECOND), "0"]
    environment = {**os.environ, "PYTHONPATH": str(LOGGERS / "python")}
    command = [sys.executable, str(SERVICE), "loguru", str(log), *numbers]
    return ending(Service(command, log, environment))


def test_loguru_loses_and_doubles_nothing(log, tmp_path, told_by):
    with closing(Counted(log, tmp_path)) as counted, loguru(log) as running:
        running.end()
        assert len(list(log.parent.glob("features.*.jsonl"))) > 20
        counted.assert_each_line_once(LINES)


def test_pino_roll_loses_and_doubles_nothing(log, tmp_path, told_by):
    node = shutil.which("node")
    assert node, "no node; install Node.js 20 or newer"
    log.unlink()
    link = log.with_name("current.log")
    link.symlink_to("nothing")
    folder = str(LOGGERS / "node_modules")
    command = [node, str(PINO), folder, str(log.with_suffix("")), str(LINES), str(PER_SECOND)]
    with (
        closing(Counted(link, tmp_path, is_there=False)) as counted,
        ending(Service(command, log)) as running,
    ):
        running.end()
        assert len(list(log.parent.glob("features.*.log"))) > 20
        counted.assert_each_line_once(LINES)
