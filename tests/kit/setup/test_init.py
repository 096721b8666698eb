"""`featurewatch init` writes a folder that is sound as it is, and nothing where it can't."""

import io
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from waiting import ANSWER_SECONDS

from featurewatch_kit.cli import main
from featurewatch_receiver.access.users import digest, read_users

WANTED = ("--extractor", "clips=model-server:9101", "--email", "ml@example.org")
EVERYTHING = (
    *WANTED,
    *("--extractor", "frames=10.0.0.7:9101", "--on-call", "oncall@example.org"),
    *("--manager", "boss@example.org", "--smarthost", "smtp.example.org:587"),
    *("--from", "alerts@example.org", "--slack", "#ml", "--pagerduty", "yes"),
    *("--grafana", "https://grafana.example.org", "--responder", "Ada L."),
)


@pytest.fixture
def init(root, tmp_path, capsys):
    """Run the command into the folder `mine`: exit code, stdout, stderr, the folder."""

    def run(*options):
        folder = tmp_path / "mine"
        code = main(["init", str(folder), "--root", str(root), *options])
        said = capsys.readouterr()
        return code, said.out, said.err, folder

    return run


def settings(folder: Path):
    return yaml.safe_load((folder / "featurewatch.yaml").read_text())


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_what_it_writes_passes_the_checks(init, root, capsys):
    code, _, err, folder = init(*WANTED)
    assert (code, err) == (0, "")
    overlay = str(folder / "featurewatch.yaml")
    assert main(["check", "--root", str(root), "--config", overlay, "--secrets"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(": fine")


def test_nothing_of_the_examples_is_left(init):
    _, _, _, folder = init(*WANTED)
    text = (folder / "featurewatch.yaml").read_text()
    assert "example.com" not in text
    assert settings(folder)["targets"] == {"feature_extractor": None}


def test_each_answer_is_where_it_belongs(init):
    _, _, _, folder = init(*EVERYTHING)
    written = settings(folder)
    assert written["scrape"]["targets"] == ["model-server:9101", "10.0.0.7:9101"]
    assert written["recipients"]["on_call_engineer"] == {
        "email": "oncall@example.org",
        "slack": "#ml",
        "pagerduty_routing_key_file": str(folder / "secrets/pagerduty-on-call"),
    }
    assert written["recipients"]["engineering_manager"]["email"] == "boss@example.org"
    assert written["channels"] == {
        "email": {"smarthost": "smtp.example.org:587", "from": "alerts@example.org"},
        "slack": {"api_url_file": str(folder / "secrets/slack-webhook-url")},
        "pagerduty": {"enabled": True},
    }
    assert written["links"]["grafana"] == "https://grafana.example.org"


def test_secrets_have_places_that_only_their_owner_reads(init, root, capsys):
    _, said, _, folder = init(*EVERYTHING)
    files = sorted((folder / "secrets").iterdir())
    assert [file.name for file in files] == [
        "pagerduty-managers",
        "pagerduty-on-call",
        "receiver-token",
        "slack-webhook-url",
    ]
    assert {mode(file) for file in (*files, folder / "users.yaml")} == {0o600}
    assert mode(folder / "secrets") == 0o700
    assert str(folder / "secrets/slack-webhook-url") in said
    overlay = str(folder / "featurewatch.yaml")
    assert main(["check", "--root", str(root), "--config", overlay, "--secrets"]) == 1
    assert f"{folder}/secrets/slack-webhook-url is empty" in capsys.readouterr().out


def test_the_token_that_it_shows_is_that_of_the_responder(init):
    _, said, _, folder = init(*EVERYTHING)
    (user,) = read_users(folder / "users.yaml")
    assert (user.name, user.role) == ("Ada L.", "responder")
    lines = said.splitlines()
    shown = lines.index("Console: sign in as Ada L. with this token, which is shown once:") + 1
    assert digest(lines[shown].strip()) == user.token_sha256


def test_it_names_the_next_three_commands(init):
    _, said, _, folder = init(*WANTED)
    assert [line.split()[1] for line in said.splitlines()[-3:]] == ["check", "generate", "up"]
    assert said.endswith(f"featurewatch up {folder}\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "init: --extractor is missing; Metrics of a service, as NAME=HOST:PORT\n"),
        (WANTED[:2], "init: --email is missing; Mail address of the team\n"),
        (
            ("--extractor", "clips", *WANTED[2:]),
            "init: --extractor: 'clips' is not NAME=HOST:PORT; write that\n",
        ),
        (
            (*WANTED, "--pagerduty", "maybe"),
            "init: --pagerduty: 'maybe' is neither yes nor no; write one of them\n",
        ),
        (
            (*WANTED, "--slack", "ml"),
            "init: recipients.monitoring_team.slack: has the wrong form (here: ml); write for"
            " example \"slack: '#team'\"\n",
        ),
        (
            (*WANTED, "--responder", "a,b"),
            "init: --responder: 'a,b' is no name; write a short text without commas\n",
        ),
    ],
)
def test_a_wrong_answer_writes_nothing(options, said, init):
    code, _, err, folder = init(*options)
    assert code == 2
    assert err.splitlines(keepends=True)[0] == said
    assert not folder.exists()


def test_a_folder_with_something_in_it_is_left_alone(init, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    code, _, err, folder = init(*WANTED)
    assert (code, err) == (2, f"{folder}: is not empty; name a new folder\n")
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


def test_on_a_terminal_it_asks(init, monkeypatch):
    terminal = io.StringIO("clips=model-server:9101\nml@example.org\n\n\n\n\n#ml\n\n\nAda\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    code, said, _, folder = init()
    assert code == 0
    assert "Mail server [localhost:25]: " in said
    assert settings(folder)["recipients"]["monitoring_team"]["slack"] == "#ml"


SYSTEMD_ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze (package systemd)")
def test_systemd_understands_the_units(init):
    _, _, _, folder = init(*WANTED)
    units = sorted((folder / "systemd").glob("*.service"))
    assert len(units) == 3
    done = subprocess.run(
        [SYSTEMD_ANALYZE, "verify", *map(str, units)],
        check=False,
        capture_output=True,
        text=True,
        timeout=ANSWER_SECONDS,
    )
    # It also looks at units that these want, which a container may lack.
    assert [line for line in done.stderr.splitlines() if "featurewatch-" in line] == []
