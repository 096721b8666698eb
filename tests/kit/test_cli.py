"""The command itself, whatever it is asked for."""

import subprocess
import sys

from waiting import PATIENCE_SECONDS


def test_a_reader_that_has_had_enough_is_no_fault(root):
    command = [sys.executable, "-m", "featurewatch_kit.cli", "defaults", "--root", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
        process.wait(PATIENCE_SECONDS)
    assert (process.returncode, said) == (141, b"")
