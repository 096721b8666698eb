"""What a check of Alertmanager's configuration says, without the name of the file."""

from typing import Any

PLACE = "alertmanager/generated/alertmanager.yaml"
Dicts = list[dict[str, Any]]


def said(findings: Any) -> list[str]:
    """Each finding as its line, after the file's name."""
    return [str(finding).removeprefix(f"{PLACE}: ") for finding in findings]
