"""Read settings from the environment: paths, machine limits, addresses and credentials.

Entry points: :func:`load_settings`, :func:`default_settings`. No other module of `rossmann_ml`
reads settings from the environment. Parameters of forecasting (horizon, models, thresholds) are in
:mod:`rossmann_ml.base.params`, settings of the API in ``app/api/settings.py``.
"""

from __future__ import annotations

import os
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rossmann_ml.base.errors import SettingsError

_MISREAD = {"?": "?", "#": "#", "a line break": "\n"}
_FOLDERS = ("home", "raw_dir", "incoming_dir", "warehouse_dir", "state_dir")
_FILES = ("params_file", "dagster_file", "dagster_workspace")
_MOST_BYTES = 1_000_000
PROJECT_DIR = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Settings of one process, from environment variables.

    A variable is ``ROSSMANN_`` plus the attribute's name in capitals. These have no such prefix:
    ``MLFLOW_TRACKING_URI``, ``KAGGLE_USERNAME``, ``KAGGLE_KEY``, ``KAGGLE_API_TOKEN`` and
    ``KAGGLE_CONFIG_DIR``.

    Attributes:
        home: Folder of the checkout; relative paths start there.
        raw_dir: Folder of the bulk files; by default ``data/raw`` if it has ``train.csv``, else the
            synthetic sample in ``data/sample``.
        incoming_dir: Folder of the weekly files ``sales_YYYY-MM-DD.csv``,
            ``plan_YYYY-MM-DD.csv``.
        warehouse_dir: Folder of ``rossmann.duckdb`` and ``published/``.
        state_dir: Folder of MLflow, Dagster, logs and reports; git-ignored.
        params_file: YAML file with the parameters of features, models and checks.
        as_of: Business date; by default today, or for historical data the Monday after its
            newest sales.
        threads: Number of threads that every numerical library may use; by default the number
            of processors, 8 at most; 1,024 at most.
        memory_limit_gb: Memory limit of DuckDB, in GB, 100,000 at most.
        lock_timeout_seconds: Time that a writer waits for another writer, in seconds.
        request_files_kept_days: Number of days that the API keeps its request files; the published
            table ``api_usage`` covers these days.
        dashboard_url: Address of the dashboard, for links in alerts.
        allowed_hosts: Further host names, separated by commas, under which the dashboard and
            Dagster's UI may be addressed; see `rossmann_ml.base.host_names`.
        mlflow_tracking_uri: Address of MLflow's server; by default a database in the state folder.
        mlflow_url: Address of MLflow's UI in a browser, for links in Dagster; by default that of
            MLflow's server.
        dagster_file: File of Dagster's instance settings: ``dagster.yaml`` for a checkout,
            ``deploy/dagster.yaml`` for containers.
        dagster_workspace: File of the code locations that Dagster's UI and daemon load.
        kaggle_address: Address of Kaggle's API, or of a mirror.
        kaggle_username: Name of your Kaggle account, for ``rossmann data fetch``.
        kaggle_key: Key of your Kaggle account.
        kaggle_api_token: Kaggle token; if set, it is used instead of user name and key.
        kaggle_config_dir: Folder of ``kaggle.json``, which contains user name and key; it is read
            if neither the token nor both ``kaggle_username`` and ``kaggle_key`` are set.
    """

    model_config = SettingsConfigDict(env_prefix="ROSSMANN_", env_ignore_empty=True, extra="ignore")

    @field_validator("home", "raw_dir", "incoming_dir", "warehouse_dir", "state_dir", "params_file")
    @classmethod
    def _home_folder_is_filled_in(cls, value: Path | None) -> Path | None:
        """Replace ``~`` as a shell does, because a service's settings are not read by a shell."""
        try:
            return value and value.expanduser()
        except RuntimeError as error:
            raise ValueError(
                f"{value}: there is no home folder; expected a path without ~"
            ) from error

    home: Path = PROJECT_DIR
    raw_dir: Path | None = None
    incoming_dir: Path = Path("data/incoming")
    warehouse_dir: Path = Path("warehouse")
    state_dir: Path = Path(".state")
    params_file: Path = Path("params.yaml")
    as_of: date | None = None
    # beyond the limits, which no machine reaches, DuckDB hangs or misreads the number
    threads: int = Field(default_factory=lambda: min(os.cpu_count() or 1, 8), ge=1, le=1024)
    memory_limit_gb: float = Field(default=2.0, gt=0.1, le=100_000)
    lock_timeout_seconds: float = Field(default=5.0, ge=0)
    # two days at least, because requests around midnight are written a little later
    request_files_kept_days: int = Field(default=60, ge=2)
    dashboard_url: str = "http://127.0.0.1:8501"
    allowed_hosts: str = ""
    mlflow_tracking_uri: str = Field(default="", validation_alias="MLFLOW_TRACKING_URI")
    mlflow_url: str = ""
    dagster_file: Path = Path("dagster.yaml")
    dagster_workspace: Path = Path("workspace.yaml")
    kaggle_address: str = "https://www.kaggle.com/api/v1"
    kaggle_username: str = Field(default="", validation_alias="KAGGLE_USERNAME")
    kaggle_key: SecretStr = Field(default=SecretStr(""), validation_alias="KAGGLE_KEY")
    kaggle_api_token: SecretStr = Field(default=SecretStr(""), validation_alias="KAGGLE_API_TOKEN")
    kaggle_config_dir: Path = Field(default=Path("~/.kaggle"), validation_alias="KAGGLE_CONFIG_DIR")

    @property
    def raw_path(self) -> Path:
        """Folder of the bulk files: `raw_dir`, or its default if unset; it need not exist."""
        if self.raw_dir is not None:
            return self.home / self.raw_dir
        own = self.home / "data" / "raw"
        return own if (own / "train.csv").exists() else self.sample_path

    @property
    def sample_path(self) -> Path:
        """Folder of the synthetic sample, separate from real data."""
        return self.home / "data" / "sample"

    @property
    def incoming_path(self) -> Path:
        """Folder of the weekly files."""
        return self.home / self.incoming_dir

    @property
    def warehouse_path(self) -> Path:
        """Folder of the database, the models and the published generations."""
        return self.home / self.warehouse_dir

    @property
    def database_path(self) -> Path:
        """DuckDB file of the pipeline; readers open a published generation instead."""
        return self.warehouse_path / "rossmann.duckdb"

    @property
    def models_path(self) -> Path:
        """Folder of the bundles of all trained models; publishing copies the served ones."""
        return self.warehouse_path / "models"

    @property
    def published_path(self) -> Path:
        """Folder of the published generations, the pointer ``CURRENT`` and ``status.json``."""
        return self.warehouse_path / "published"

    @property
    def lock_path(self) -> Path:
        """File that a writing process locks, so that only one process writes at a time."""
        return self.warehouse_path / "writer.lock"

    @property
    def restore_path(self) -> Path:
        """Folder in which a restore unpacks a backup before it replaces the warehouse's files."""
        return self.warehouse_path / ".restoring"

    @property
    def state_path(self) -> Path:
        """Folder of the files of MLflow, Dagster and dbt, of logs and reports."""
        return self.home / self.state_dir

    @property
    def requests_path(self) -> Path:
        """Folder in which the API records its requests, one file ``YYYY-MM-DD.jsonl`` per day."""
        return self.state_path / "requests"

    @property
    def data_docs_path(self) -> Path:
        """Folder of Great Expectations' pages of results, which the dashboard serves."""
        return self.state_path / "reports" / "data_docs"

    @property
    def params_path(self) -> Path:
        """YAML file with the parameters of features, models and checks."""
        return self.home / self.params_file

    @property
    def dbt_project_path(self) -> Path:
        """Folder of the dbt project and its ``profiles.yml``."""
        return self.home / "dbt_project"

    @property
    def mlflow_ui(self) -> str:
        """Address of MLflow's UI, without user name and password; empty if it is not known."""
        given = urlsplit(self.mlflow_url or self.mlflow_tracking_uri)
        if given.scheme not in ("http", "https"):
            return ""
        return f"{given.scheme}://{given.netloc.rpartition('@')[2]}{given.path}".rstrip("/")

    @property
    def tracking_uri(self) -> str:
        """Address of MLflow's tracking store; by default SQLite in the state folder."""
        if self.mlflow_tracking_uri:
            return self.mlflow_tracking_uri
        return f"sqlite:///{self.state_path / 'mlflow' / 'mlflow.db'}"


class DeliverySettings(BaseSettings):
    """Where and how alerts are sent, from ``ROSSMANN_ALERT_*`` variables.

    The attributes are not in :class:`Settings`, because Dagster's UI shows the values of that one,
    and the webhook and the password of the mail server are secret.

    Attributes:
        webhook: Address that receives alerts as a POST with JSON; empty for no webhook.
        smtp_host: Mail server; empty for no e-mail.
        smtp_port: Port of the mail server.
        smtp_security: Encryption of the connection: ``starttls``, ``tls`` or ``none``.
        smtp_user: User name at the mail server; empty if the server requires no login.
        smtp_password: Password of the user.
        mail_from: Address of the sender.
        mail_to: Addresses of the receivers, separated by commas.
    """

    model_config = SettingsConfigDict(
        env_prefix="ROSSMANN_ALERT_", env_ignore_empty=True, extra="ignore"
    )

    webhook: SecretStr | None = None
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    mail_from: str = "rossmann-forecast@localhost"
    mail_to: str = ""

    @property
    def receivers(self) -> list[str]:
        """Mail addresses of the receivers, split from ``mail_to``."""
        return [each.strip() for each in self.mail_to.split(",") if each.strip()]


def load_delivery_settings() -> DeliverySettings:
    """Read from the environment where and how alerts are sent.

    Raises:
        SettingsError: A variable has an invalid value; the message names the variable without
            its value, which may be secret.
    """
    try:
        return DeliverySettings()
    except ValidationError as error:
        found = "; ".join(
            f"ROSSMANN_ALERT_{str(item['loc'][0]).upper()}: {item['msg']}"
            for item in error.errors()
        )
        raise SettingsError(f"a setting in the environment cannot be used: {found}") from None


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment.

    Args:
        **overrides: Values by attribute name that replace those of the environment.

    Raises:
        SettingsError: A variable has an invalid value; the message names variable and value.
    """
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        found = "; ".join(
            f"{_variable(str(item['loc'][0]))}={item['input']!r}: {item['msg']}"
            for item in error.errors()
        )
        raise SettingsError(f"a setting in the environment cannot be used: {found}") from error
    _refuse_unusable_paths(settings)
    _refuse_other_kinds(settings)
    return settings


def _refuse_other_kinds(settings: Settings) -> None:
    """Raise `SettingsError` for a path that exists, but is no folder, or no small file.

    Reading a device or a pipe would fill the memory or never end.
    """
    kinds = {_FOLDERS: "a folder", _FILES: f"a file of {_MOST_BYTES:,} bytes at most"}
    for names, kind in kinds.items():
        for name in names:
            path = settings.home / (getattr(settings, name) or "")
            if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises if it is forbidden
                continue
            is_small_file = path.is_file() and path.stat().st_size <= _MOST_BYTES
            if not (path.is_dir() if names == _FOLDERS else is_small_file):
                raise SettingsError(f"{_variable(name)}={str(path)!r}: expected {kind}")


def _refuse_unusable_paths(settings: Settings) -> None:
    """Raise `SettingsError` for a folder whose path DuckDB, SQLite or dbt would misread.

    DuckDB and SQLAlchemy take what follows a question mark for options, dbt derives the name of the
    database from what precedes a number sign, and a line break ends a line of files with paths.
    """
    for folder in (settings.home, settings.warehouse_path, settings.state_path, settings.raw_path):
        for path in {str(folder), os.path.realpath(folder)}:
            found = [name for name, sign in _MISREAD.items() if sign in path]
            if found:
                raise SettingsError(
                    f"{path!r} contains {found[0]}, which databases cannot have in a path; rename "
                    "the folder, or set ROSSMANN_WAREHOUSE_DIR, ROSSMANN_STATE_DIR and "
                    "ROSSMANN_RAW_DIR to folders elsewhere"
                )


def _variable(location: str) -> str:
    """Return the environment variable that a validation error is about.

    Args:
        location: Name of the setting, or the variable of a setting that has its own.
    """
    return f"ROSSMANN_{location.upper()}" if location in Settings.model_fields else location


@lru_cache(maxsize=1)
def default_settings() -> Settings:
    """Return the settings of this process; the environment is read at the first call only."""
    return load_settings()
