"""Validate the section ``ingest`` of ``params.yaml``: size, bad rows, days of a file, and holds."""

from __future__ import annotations

from pydantic import Field

from rossmann_ml.base.strict import Days, Share, StrictModel


class FileDaysParams(StrictModel):
    """Days that the rows of a file may have, compared with its name and the newest sales.

    Attributes:
        max_misfit_share: Largest share of rows of other days; these rows are quarantined. A file
            with a larger share is refused as a whole.
        max_age_days: Number of days before the day in its name that a weekly file may correct.
        max_plan_days_ahead: Number of days after the newest sales that a plan may cover.
    """

    max_misfit_share: Share
    max_age_days: Days
    max_plan_days_ahead: Days


class HoldParams(StrictModel):
    """Limits of what a file may change before a person must accept it.

    Attributes:
        max_restated_share: Largest share of a file's rows, and of the chain's stores, whose landed
            values a file may change or take back.
        max_day_share: Largest share of the stores of a day before the file's own week that a file
            may change.
        max_gap_days: Largest number of days between the newest landed sales and later sales.
        max_missing_stores_share: Largest share of the stores with recent sales or a plan that a new
            list of stores may lack.
    """

    max_restated_share: Share
    max_day_share: Share
    max_gap_days: Days
    max_missing_stores_share: Share


class IngestParams(StrictModel):
    """Limits of size, of bad rows, of days that do not fit, and of changes to what is landed.

    Attributes:
        max_file_mb: Largest size of a file, in MB of 1,048,576 bytes; a larger one is refused
            before it is read.
        max_rows: Largest number of lines of a file; a file with more is refused as a whole.
        max_quarantined_share: Largest share of bad rows that are quarantined; a file with a larger
            share is refused as a whole.
        days: Days that the rows of a file may have.
        hold: Limits of what a file may change before a person must accept it.
    """

    max_file_mb: int = Field(ge=1)
    max_rows: int = Field(ge=1)
    max_quarantined_share: Share
    days: FileDaysParams
    hold: HoldParams
