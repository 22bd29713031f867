"""Errors a user can act on: each says what was expected, what came, and what to do. The CLI prints them in one line."""


class FirmgroundError(Exception):
    """Base of every error that firmground raises on purpose. `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(FirmgroundError):
    """Something the user gave can't be used: a wrong path, an unreadable file, a broken line, an unknown name."""

    exit_code = 2


class WeightsMissing(FirmgroundError):
    """A model is known but its weights aren't on this machine yet."""

    exit_code = 3


class KnowledgeBaseError(FirmgroundError):
    """A knowledge base is damaged, locked, of another format, or was made with another encoder."""

    exit_code = 4


class MissingExtra(FirmgroundError):
    """An optional package isn't installed; the message holds the command that installs it."""

    exit_code = 5
