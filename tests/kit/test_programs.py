"""Which program is taken, and what is said when none will do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from featurewatch_kit import programs
from featurewatch_kit.cli import main
from featurewatch_kit.errors import MissingProgramError
from featurewatch_kit.programs import PROMETHEUS, find

NEW = "#!/bin/sh\necho prometheus, version 2.53.1\n"
OLD = "#!/bin/sh\necho prometheus, version 2.31.2\n"
SILENT = "#!/bin/sh\nexit 3\n"
ENDLESS = "#!/bin/sh\nexec /bin/sleep 60\n"
NO_PROGRAM = "\x7fELF of another machine"
NEEDED = "prometheus 2.42 or newer is needed, and"

Put = Callable[..., Path]


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Put a program on a PATH that has nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return _putter(folder)


@pytest.fixture
def unpacked(tmp_path: Path) -> Put:
    """Put a program where `make tools` does."""
    return _putter(tmp_path / ".tools/usr/bin")


def _putter(folder: Path) -> Put:
    def put(text: str, mode: int = 0o755) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "prometheus"
        file.write_text(text)
        file.chmod(mode)
        return file

    return put


@pytest.fixture(autouse=True)
def usual_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tools folder is named in the environment, unless a test does so itself."""
    monkeypatch.delenv(programs.TOOLS_VARIABLE, raising=False)


def complaint(root: Path) -> str:
    """What looking for Prometheus is refused with, on one line."""
    with pytest.raises(MissingProgramError) as refused:
        find(PROMETHEUS, root)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_the_unpacked_program_goes_first(tmp_path: Path, on_path: Put, unpacked: Put) -> None:
    on_path(NEW)
    mine = unpacked(NEW)
    assert find(PROMETHEUS, tmp_path) == mine


@pytest.mark.parametrize(
    ("text", "mode"),
    [(OLD, 0o755), (SILENT, 0o755), (NO_PROGRAM, 0o755), (NEW, 0o644), ("#!/gone\n", 0o755)],
)
def test_after_one_that_will_not_do_the_next_is_taken(
    tmp_path: Path, on_path: Put, unpacked: Put, text: str, mode: int
) -> None:
    unpacked(text, mode)
    next_one = on_path(NEW)
    assert find(PROMETHEUS, tmp_path) == next_one


def test_without_any_the_way_to_get_one_is_named(tmp_path: Path, on_path: Put) -> None:
    del on_path
    assert complaint(tmp_path) == (
        f"{NEEDED} it is not on PATH; run `make tools` (Debian, Ubuntu), or install prometheus"
        " and put it on PATH"
    )


@pytest.mark.parametrize(
    ("text", "mode", "fault"),
    [
        (OLD, 0o755, "is 2.31"),
        (SILENT, 0o755, "does not say its version"),
        (NO_PROGRAM, 0o755, "can't be run (Exec format error)"),
        (NEW, 0o644, "can't be run (Permission denied)"),
    ],
)
def test_one_that_make_tools_unpacked_is_to_be_removed(  # noqa: PLR0913, PLR0917
    tmp_path: Path, on_path: Put, unpacked: Put, text: str, mode: int, fault: str
) -> None:
    mine, other = unpacked(text, mode), on_path(OLD)
    assert complaint(tmp_path) == (
        f"{NEEDED} {mine} {fault} and {other} is 2.31; remove {tmp_path}/.tools and run"
        " `make tools`, or install prometheus 2.42 or newer and put it on PATH"
    )


def test_one_that_does_not_end_is_named(
    tmp_path: Path, on_path: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "VERSION_SECONDS", 0.3)
    file = on_path(ENDLESS)
    assert complaint(tmp_path) == (
        f"{NEEDED} {file} can't be run (no answer within 0.3 s); run `make tools`"
        " (Debian, Ubuntu), or install prometheus and put it on PATH"
    )


def test_the_command_says_it_without_a_traceback(
    root: Path, on_path: Put, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = on_path(NO_PROGRAM)
    monkeypatch.setattr(programs, "TOOLS", Path("nothing-is-here"))
    assert main(["tools", "--root", str(root)]) == 2
    assert capsys.readouterr().err.startswith(f"{NEEDED} {file} can't be run (Exec format error);")


def test_the_environment_names_another_tools_folder(
    tmp_path: Path, on_path: Put, unpacked: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(NEW)
    unpacked(NEW)
    other = _putter(tmp_path / ".tools-trixie/usr/bin")(NEW)
    monkeypatch.setenv(programs.TOOLS_VARIABLE, ".tools-trixie")
    assert find(PROMETHEUS, tmp_path) == other
    assert programs.start_folder(other, tmp_path) == tmp_path / ".tools-trixie"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "it is not in {tools} (FEATUREWATCH_TOOLS)"),
        (OLD, "{tools}/usr/bin/prometheus is 2.31"),
    ],
)
def test_with_a_named_tools_folder_no_other_place_is_asked(
    tmp_path: Path, on_path: Put, monkeypatch: pytest.MonkeyPatch, text: str | None, fault: str
) -> None:
    on_path(NEW)
    tools = tmp_path / "other"
    if text:
        _putter(tools / "usr/bin")(text)
    monkeypatch.setenv(programs.TOOLS_VARIABLE, str(tools))
    assert complaint(tmp_path) == (
        f"{NEEDED} {fault.format(tools=tools)}; run `scripts/fetch-tools.sh {tools} SUITE`"
        " for a newer suite of Debian"
    )
