"""Errors of the receiver.

ReceiverError
└── ConfigError: the configuration can't be used; carries one line per problem
"""


class ReceiverError(Exception):
    """Base of every error that the receiver raises on purpose."""


class ConfigError(ReceiverError):
    """The configuration can't be used. ``problems`` holds one line for each fault."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems
