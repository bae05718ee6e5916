"""Errors that a person or a calling program can act on, each with the command's exit code.

Every such error derives from :class:`RossmannError`; the command line prints its message without a
traceback. The message has the reason, so a subclass exists only where code catches it by name or
where the exit code differs. Bugs raise ordinary exceptions, which are not defined here.
"""

from __future__ import annotations


class RossmannError(Exception):
    """Base of all errors with a message for people.

    The command that raises it ends with exit code 1, unless a subclass sets another code.

    Attributes:
        exit_code: Exit code of a command that ends with this error.
    """

    exit_code = 1


class FaultError(RossmannError):
    """A program, a server, a disk or a stored file failed; repair it, then run again."""


class ForbiddenError(FaultError):
    """The user who runs the product may not read or write a file; its content may be fine."""


class DamagedError(FaultError):
    """The content of a file is damaged; it was opened, and no other process keeps it busy."""


class TrackingError(FaultError):
    """MLflow did not answer or refused the request."""


class RefusedError(RossmannError):
    """The input, a setting or the state of the product does not allow the command."""

    exit_code = 2


class SettingsError(RefusedError):
    """A setting, an argument or a key of ``params.yaml`` has a value that cannot be used."""


class BadFileError(RefusedError):
    """A file of the retailer cannot be read or is not what its name says; none of it is landed."""


class NoDataError(RefusedError):
    """Something that the command needs does not exist yet: files, warehouse, origin, champion."""


class PublishError(RefusedError):
    """A generation cannot be written, found or read, or failed its audit.

    The pointer is unchanged.
    """


class ChangedError(PublishError):
    """A generation can be read, but its file is not the one that was published."""


class SchemaError(RefusedError):
    """A newer version of the product wrote the warehouse, in a schema unknown to this one."""


class ScenarioError(RefusedError):
    """A what-if question names a store or a day that has no forecast.

    Args:
        kind: Reason for programs: ``unknown-store``, ``store-not-forecast`` or
            ``date-outside-horizon``.
        message: Reason for people, with the value found and the value expected.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class HeldError(RossmannError):
    """A generation or a file is held: it changes too much, and a person must accept it."""

    exit_code = 3


class BusyError(RossmannError):
    """Another process uses what the command needs: a lock, a file, an Optuna study, a port."""

    exit_code = 4


class InterruptedReplayError(RossmannError):
    """A signal ended the weekly job of a replay; the same command resumes it."""

    exit_code = 130
