"""Ada and Bob act, Vic only reads: their tokens, and the users' file that knows them."""

import hashlib
from pathlib import Path

import yaml

from receiver.payloads import Json

TOKENS = {"ada": "responder-battery", "bob": "responder-horse", "vic": "viewer-staple"}


def bears(name: str) -> dict[str, str]:
    """Return the header that a person sends."""
    return {"Authorization": f"Bearer {TOKENS[name]}"}


RESPONDER, VIEWER = bears("ada"), bears("vic")


def users() -> list[Json]:
    """Return the entries of all."""
    roles = {"ada": "responder", "bob": "responder", "vic": "viewer"}
    return [
        {"name": name, "role": role, "token_sha256": hashlib.sha256(token.encode()).hexdigest()}
        for (name, role), token in zip(roles.items(), TOKENS.values(), strict=True)
    ]


def write_users(folder: Path, entries: list[Json] | None = None) -> str:
    """Write the users' file, and return its path."""
    file = folder / "users.yaml"
    file.write_text(yaml.safe_dump({"users": users() if entries is None else entries}))
    file.chmod(0o600)
    return str(file)
