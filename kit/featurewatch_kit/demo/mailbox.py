"""A mail catcher: takes every mail that is sent to it and delivers none."""

from __future__ import annotations

import email
import email.policy
import socket
import threading
from asyncio import AbstractServer
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """An SMTP server on 127.0.0.1 without TLS; port 0 takes a free one. A context manager.

    `on_message` is called as ``on_message("email", message)`` in the server's thread for each
    mail. Raises OSError when the port is taken.
    """

    channel = "email"

    def __init__(
        self, *, port: int = 0, on_message: Callable[[str, EmailMessage], None] | None = None
    ) -> None:
        self._messages: list[EmailMessage] = []
        self._lock = threading.Lock()
        self._on_message = on_message
        self._controller = _Controller(self, socket.create_server(("127.0.0.1", port)))
        self._controller.start()

    @property
    def address(self) -> str:
        """Where to send mail, as ``host:port``."""
        return f"127.0.0.1:{self._controller.port}"

    def messages(self) -> list[EmailMessage]:
        """What arrived so far, oldest first."""
        with self._lock:
            return list(self._messages)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name for it
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep one mail; aiosmtpd calls this."""
        message = email.message_from_bytes(
            envelope.original_content or b"", _class=EmailMessage, policy=email.policy.default
        )
        with self._lock:
            self._messages.append(message)
        if self._on_message is not None:
            self._on_message(self.channel, message)
        return "250 OK"

    def close(self) -> None:
        """Stop serving and free the port."""
        self._controller.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Controller(Controller):
    """Serves on a socket that is bound already, so that a taken port fails at once."""

    def __init__(self, mailbox: Mailbox, listener: socket.socket) -> None:
        self._listener = listener
        super().__init__(mailbox, hostname="127.0.0.1", port=listener.getsockname()[1])

    def _create_server(self) -> Awaitable[AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._listener)
