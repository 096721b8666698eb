"""Files that only their owner reads."""

from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Write a secret; the file is never readable by others, not even for a moment."""
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
