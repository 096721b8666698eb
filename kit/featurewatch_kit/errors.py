"""Errors of the kit.

KitError
├── GenerationError: jsonnet refused, or the sources are not where they should be
├── MissingProgramError: a program that the chain needs is not there or too old
├── ArgumentError: an argument of a command can't be understood
├── ServerError: a server does not answer as it should
└── DemoError: a link of the demonstrated chain did not hold
"""


class KitError(Exception):
    """Base of every error that the kit raises on purpose; its text is one line for people."""


class GenerationError(KitError):
    """jsonnet refused the sources, or they are not where they should be."""


class MissingProgramError(KitError):
    """A program that the chain needs is not there or too old."""


class ArgumentError(KitError):
    """An argument of a command can't be understood."""


class ServerError(KitError):
    """A server does not answer as it should."""


class DemoError(KitError):
    """A link of the demonstrated chain did not hold."""
