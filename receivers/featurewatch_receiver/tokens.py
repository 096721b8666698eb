"""Reads bearer tokens from their files."""

from dataclasses import dataclass, field
from pathlib import Path

from featurewatch_receiver.config import ReceiverConfig
from featurewatch_receiver.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The secrets of one process; never shown."""

    receiver: str = field(repr=False)
    #: By backend; None for a backend that wants none.
    backends: dict[str, str | None] = field(repr=False)


def read_tokens(config: ReceiverConfig) -> Tokens:
    """Read every token that the configuration names.

    Raises:
        ConfigError: a file is missing, empty, or holds something else.

    """
    problems: list[str] = []
    receiver = _read("receiver.token_file", config.receiver.token_file, problems)
    backends = {
        name: backend.token_file
        and _read(f"backends.{name}.token_file", backend.token_file, problems)
        for name, backend in config.backends.items()
    }
    if problems:
        raise ConfigError(problems)
    return Tokens(receiver=receiver, backends=backends)


def _read(key: str, file: str, problems: list[str]) -> str:
    try:
        token = Path(file).read_text(encoding="ascii").strip()
    except OSError as error:
        problems.append(f"{key}: {file} can't be read ({error.strerror}); put the token there")
        return ""
    except UnicodeDecodeError:
        token = ""
    if not token.isprintable() or not token or " " in token:
        mend = "write one line of ASCII letters, digits and signs"
        problems.append(f"{key}: {file} holds no token; {mend}")
    return token
