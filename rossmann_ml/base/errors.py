"""The errors a person may see, each with the exit code of the command that meets it.

Every refusal derives from :class:`RossmannError`: the command line prints its message without a
traceback. Errors that are bugs stay ordinary exceptions and do not belong here.
"""

from __future__ import annotations


class RossmannError(Exception):
    """A refusal that a person can act on; its text says what was found and what to do."""

    exit_code = 1


class SettingsError(RossmannError):
    """A setting or ``params.yaml`` holds a value that cannot be used."""

    exit_code = 2


class BadFileError(RossmannError):
    """A raw file cannot be read as what its name says; nothing of it was landed."""

    exit_code = 3


class TooManyBadRowsError(RossmannError):
    """More rows of a file are bad than ``params.yaml`` allows; nothing of it was landed."""

    exit_code = 4


class DataSetMismatchError(RossmannError):
    """The warehouse holds another data set than the files that were offered."""

    exit_code = 5


class NoDataError(RossmannError):
    """What was asked for is not there yet: no files, no warehouse, no history, no origin."""

    exit_code = 6


class NoChampionError(RossmannError):
    """No model has been promoted yet."""

    exit_code = 7


class WarehouseLockedError(RossmannError):
    """Another process holds the writer lock."""

    exit_code = 8


class QualityError(RossmannError):
    """A check of error severity failed; what was published last stays in place."""

    exit_code = 9


class DbtError(RossmannError):
    """dbt did not finish; its own words are in the message."""

    exit_code = 10


class PublishError(RossmannError):
    """The generation did not pass its audit; the pointer was not moved."""

    exit_code = 11


class QueryError(RossmannError):
    """A query of a published generation cannot be run; DuckDB's words are in the message."""

    exit_code = 12


class PortInUseError(RossmannError):
    """A server cannot listen where it was told to."""

    exit_code = 13


class TrackingError(RossmannError):
    """MLflow did not answer, or refused."""

    exit_code = 14


class ScenarioError(RossmannError):
    """A what-if question names a store or a day that cannot be answered.

    Args:
        kind: What is wrong, for programs: ``unknown-store``, ``store-not-forecast`` or
            ``date-outside-horizon``.
        message: The same for people, with what was found and what was expected.
    """

    exit_code = 15

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class ServiceError(RossmannError):
    """A server that was started ended by itself, or never answered."""

    exit_code = 16


class StudyLockedError(RossmannError):
    """Another process is tuning with the same study."""

    exit_code = 17


class SchemaError(RossmannError):
    """A later version of the product wrote the warehouse."""

    exit_code = 18


class WarehouseDamagedError(RossmannError):
    """The warehouse's file cannot be opened as a database, or is only half restored."""

    exit_code = 19


class BackupError(RossmannError):
    """A backup cannot be written, or what is offered is not a whole backup; nothing was changed."""

    exit_code = 20


class PublishHeldError(RossmannError):
    """Totals moved too far from what readers have; the generation waits for a person."""

    exit_code = 21


class FetchError(RossmannError):
    """A server that files are fetched from was not told who asks, did not answer, or refused."""

    exit_code = 22


class StorageError(RossmannError):
    """A folder or file that the product writes to takes nothing: disk full, quota, no rights."""

    exit_code = 23


class InterruptedReplayError(RossmannError):
    """The weekly job of a replay was ended by a signal; the replay can go on."""

    exit_code = 130
