"""The backends: one file for each kind, and the table that names them."""

from featurewatch_receiver.backends.base import Backend
from featurewatch_receiver.backends.http import HttpBackend
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.core import Core

KINDS = {"http": HttpBackend}


def open_backend(core: Core, name: str, deadline: Deadline) -> Backend:
    """Return the backend of that name, for one remediation; the caller closes it."""
    settings = core.config.backends[name]
    return KINDS[settings.kind](settings, core.tokens.backends[name], deadline)
