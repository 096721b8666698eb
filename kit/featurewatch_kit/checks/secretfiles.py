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
        file = Path(name)
        try:
            mode = file.stat().st_mode
        except OSError as error:
            yield Finding(key, f"{name} can't be read ({error.strerror}); put the secret there")
            continue
        if not stat.S_ISREG(mode):
            yield Finding(key, f"{name} is no file; put the secret there")
        elif mode & stat.S_IROTH:
            yield Finding(key, f"everyone on this host can read {name}; run `chmod o-r {name}`")


def _files(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Key path and value of every secret file that is named."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        here = f"{path}.{key}" if path else str(key)
        if str(key).endswith(ENDING) and key not in NO_SECRETS and isinstance(value, str):
            yield here, value
        yield from _files(value, here)
