"""The runbook: one section of a Markdown file for each alert."""

from pathlib import Path

from featurewatch_receiver.errors import ConfigError

#: Its place in a checkout, which wheels of the receiver and the kit are made from.
IN_CHECKOUT = "docs/runbook.md"


def path(file: str | None) -> Path:
    """Return the configured file, or the runbook that has come with the receiver."""
    if file is not None:
        return Path(file)
    package = Path(__file__).parent
    shipped = package / "runbook.md"
    return shipped if shipped.is_file() else package.parents[1] / IN_CHECKOUT


def section(text: str, alertname: str) -> str | None:
    """Return the section below the heading '## alertname', heading included; None without one."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.strip() == f"## {alertname}":
            break
    else:
        return None
    body = [f"## {alertname}"]
    for line in lines:
        if line.startswith(("# ", "## ")):
            break
        body.append(line)
    return "\n".join(body).rstrip() + "\n"


def check(file: Path) -> None:
    """Make sure that the runbook can be read.

    Raises:
        ConfigError: it can't.

    """
    try:
        file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not UTF-8 text"
        line = f"receiver.runbook_file: {file} can't be read ({cause}); write its path"
        raise ConfigError([line]) from error
