"""`python -m bench` prints what it measures, writes it down, and says whether goals are met."""

import json
import subprocess
import sys

import pytest
from waiting import PATIENCE_SECONDS

from bench import __main__ as command
from bench.figures import BenchError, Figure, at_most
from bench.subjects import SUBJECTS


@pytest.fixture
def subjects(monkeypatch, tmp_path):
    """Stand-ins for the subjects, to be filled; the report goes to a folder of the test's own."""
    known = {}
    monkeypatch.setattr(command, "SUBJECTS", known)
    monkeypatch.setattr(command, "REPORT", tmp_path / "bench.json")
    monkeypatch.setattr(command, "FOLDER", tmp_path / "work")
    return known


def _subject(value, goal=1.0):
    def run(_, folder):
        assert list(folder.iterdir()) == []
        (folder / "left").touch()
        yield Figure(name="x.time", value=value, unit="s", goal=at_most(goal))

    return run


def _broken(_, folder):
    yield Figure(name="x.before", value=1, unit="s")
    raise BenchError("no data")


def test_each_figure_is_printed_and_written_with_the_machine(subjects, tmp_path, capsys):
    subjects["x"] = _subject(0.5)
    assert command.main([]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["x.time", "0.5", "s"]
    written = json.loads((tmp_path / "bench.json").read_text())
    entry = {"name": "x.time", "value": 0.5, "unit": "s", "goal": "at most 1", "met": True}
    assert written["figures"] == [entry]
    assert set(written["machine"]) == {"date", "cores", "cpu", "load", "python", "prometheus"}
    assert written["machine"]["cores"] >= 1


def test_a_missed_goal_is_told_by_the_exit_code(subjects, capsys):
    subjects["x"] = _subject(1.5)
    assert command.main([]) == 1
    assert capsys.readouterr().out.splitlines()[1].split()[-1] == "missed"


def test_a_subject_that_fails_keeps_its_figures_and_spoils_no_other(subjects, tmp_path, capsys):
    subjects |= {"broken": _broken, "x": _subject(0.5)}
    assert command.main([]) == 1
    assert capsys.readouterr().err == "bench: broken: no data\n"
    figures = json.loads((tmp_path / "bench.json").read_text())["figures"]
    assert [figure["name"] for figure in figures] == ["x.before", "x.time"]


def test_only_the_named_subjects_run_each_in_an_empty_folder(subjects, tmp_path):
    subjects |= {"broken": _broken, "x": _subject(0.5)}
    assert command.main(["--only", "x"]) == 0
    assert command.main(["--only", "x"]) == 0
    assert [folder.name for folder in (tmp_path / "work").iterdir()] == ["x"]


def test_an_interrupt_ends_without_a_traceback(subjects, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt
        yield

    subjects["x"] = interrupted
    assert command.main([]) == 130
    assert capsys.readouterr().err == "bench: interrupted\n"


def test_an_unknown_subject_is_answered_with_those_there_are(root):
    words = [sys.executable, "-m", "bench", "--only", "rulez"]
    done = subprocess.run(
        words, cwd=root, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for name in SUBJECTS:
        assert name in done.stderr.splitlines()[-1]
