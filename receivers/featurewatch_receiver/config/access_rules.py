"""The section `access`: who may read, and who may act."""

from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from featurewatch_receiver.config.values import File, Strict, Text
from featurewatch_receiver.states import Role


def _is_network(text: str) -> str:
    ip_network(text, strict=False)
    return text


Network = Annotated[str, AfterValidator(_is_network), Field(examples=["127.0.0.1"])]


class Proxy(Strict):
    """A proxy that signs people in, and tells in a header who it is."""

    user_header: Annotated[
        str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", examples=["X-Forwarded-User"])
    ]
    #: Whoever else signs in is a viewer.
    responders: list[Text]
    #: The header is believed from these alone: addresses or networks.
    addresses: Annotated[list[Network], Field(min_length=1, examples=[["127.0.0.1"]])]


class Access(Strict):
    """Where people's names and roles come from; without any, nobody reads or acts."""

    users_file: File | None = None
    proxy: Annotated[Proxy | None, Field(examples=[None])] = None


class User(Strict):
    """One entry of the users' file."""

    name: Text
    role: Annotated[
        Role,
        Field(strict=False, examples=["viewer"]),
    ]
    #: Checked by users.py: a complaint of the model would repeat the value, which might be a token.
    token_sha256: Any


class UsersFile(Strict):
    """People, and the SHA-256 of the token of each."""

    users: list[User]
