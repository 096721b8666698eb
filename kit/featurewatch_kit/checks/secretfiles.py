"""The secret files are on this host, and only their owner and group can read them."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from featurewatch_kit.checks.finding import Finding
from featurewatch_kit.config.model import Config

ENDING = "_file"
# A file, but no secret.
NO_SECRETS = frozenset({"runbook_file"})


def check_secrets(config: Config) -> Iterator[Finding]:
    """One finding for each secret file that is missing or that everyone can read."""
    for key, name in _files(config.model_dump(by_alias=True)):
        fault = None if _is_off(config, key) else _fault(Path(name))
        if fault:
            yield Finding(key, fault)


def _is_off(config: Config, key: str) -> bool:
    """Whether it belongs to a channel that is switched off, so that nothing reads it."""
    section, *_, name = key.split(".")
    of_channels = section in ("channels", "recipients")
    words = key.split(".")[1] if section == "channels" else name
    return of_channels and any(
        words.startswith(channel) and not getattr(config.channels, channel).enabled
        for channel in ("email", "slack", "pagerduty")
    )


def _fault(file: Path) -> str | None:
    try:
        found = file.stat()
    except OSError as error:
        return f"{file} can't be read ({error.strerror}); put the secret there"
    if not stat.S_ISREG(found.st_mode):
        return f"{file} is no file; put the secret there"
    if not found.st_size:
        return f"{file} is empty; put the secret there"
    if found.st_mode & stat.S_IROTH:
        return f"everyone on this host can read {file}; run `chmod o-r {file}`"
    return None


def _files(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Key path and value of every secret file that is named."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        here = f"{path}.{key}" if path else str(key)
        if str(key).endswith(ENDING) and key not in NO_SECRETS and isinstance(value, str):
            yield here, value
        yield from _files(value, here)
