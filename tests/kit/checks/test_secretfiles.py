"""Secret files are on the host, and not for everyone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from featurewatch_kit.checks.secretfiles import check_secrets
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.cli import main
from featurewatch_kit.config.model import Config

Project = Callable[[str], tuple[Config, Tree]]


def test_secret_files_are_looked_at_only_when_asked(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check", "--root", str(root)])
    assert "/etc/alertmanager/secrets" not in capsys.readouterr().out
    main(["check", "--root", str(root), "--secrets"])
    assert "/etc/alertmanager/secrets" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (0o600, None),
        (0o640, None),
        (0o644, "everyone on this host can read {file}; run `chmod o-r {file}`"),
        (None, "{file} can't be read (No such file or directory); put the secret there"),
    ],
)
def test_a_secret_file_is_there_and_not_for_everyone(
    mode: int | None, said: str | None, project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    if mode is not None:
        file.write_text("secret")
        file.chmod(mode)
    config, _ = project(f"receiver: {{token_file: {file}}}")
    found = {finding.place: finding.message for finding in check_secrets(config)}
    assert found.get("receiver.token_file") == (said and said.format(file=file))
    assert "receiver.runbook_file" not in found
    assert "recipients.on_call_engineer.pagerduty_routing_key_file" in found


def test_an_empty_secret_file_is_none(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    config, _ = project(f"receiver: {{token_file: {file}}}")
    found = {finding.place: finding.message for finding in check_secrets(config)}
    assert found["receiver.token_file"] == f"{file} is empty; put the secret there"


@pytest.mark.parametrize(
    ("channel", "key"),
    [
        ("pagerduty", "recipients.on_call_engineer.pagerduty_routing_key_file"),
        ("slack", "channels.slack.api_url_file"),
        ("slack", "recipients.on_call_engineer.slack_api_url_file"),
        ("email", "channels.email.password_file"),
    ],
)
def test_a_channel_that_is_off_needs_no_secret(channel: str, key: str, project: Project) -> None:
    overlay = """
recipients: {on_call_engineer: {slack_api_url_file: /none}}
channels: {email: {username: a, password_file: /none}, %s: {enabled: %s}}
"""
    for switch, wanted in (("true", True), ("false", False)):
        text = overlay % (channel, switch)
        if channel == "email":
            text = text.replace("}, email: {", ", ")
        config, _ = project(text)
        assert (key in {finding.place for finding in check_secrets(config)}) == wanted
