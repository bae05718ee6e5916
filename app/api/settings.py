"""Read the settings of the API (keys, limits, log) from ``ROSSMANN_API_*`` variables.

See :mod:`rossmann_ml.base.settings` for the locations of files. No other module of the API reads
environment variables.
"""

from __future__ import annotations

import re
from functools import cached_property

import limits
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rossmann_ml.base.errors import SettingsError

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}:[0-9a-f]{64}")


class ApiSettings(BaseSettings):
    """Settings of the API, from ``ROSSMANN_API_*`` variables.

    Attributes:
        keys: Accepted keys as ``name:hash`` separated by commas; ``python -m app.api.keys NAME``
            makes one. If empty, requests need no key.
        rate_limit: Largest number of requests with one key, or from one network address without a
            key, for example ``100/second`` or ``6000/minute``. If empty, there is no limit.
        max_body_bytes: Largest size of a request body in bytes.
        body_timeout_seconds: Largest number of seconds in which a request body must arrive.
        max_connections: Largest number of open connections; further ones get 503.
        cors_origins: CORS origins (addresses of web sites whose pages may read responses),
            separated by commas.
        max_origin_age_days: Largest age of the newest forecast origin in days; above it, ``/ready``
            returns 503.
        follow_seconds: Seconds between checks of the pointer to the current generation.
        log_level: Lowest level of the process log, ``DEBUG`` to ``ERROR``.
        record_requests: Whether every request is recorded for the table ``api_usage``.
    """

    model_config = SettingsConfigDict(env_prefix="ROSSMANN_API_", extra="ignore")

    keys: str = Field(default="", repr=False)
    rate_limit: str = "6000/minute"
    max_body_bytes: int = Field(default=1_000_000, ge=1)
    body_timeout_seconds: float = Field(default=10.0, gt=0)
    max_connections: int = Field(default=1_000, ge=1)
    cors_origins: str = ""
    max_origin_age_days: int = Field(default=14, ge=1)
    follow_seconds: float = Field(default=0.25, gt=0)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    record_requests: bool = True

    @field_validator("keys")
    @classmethod
    def _keys_have_names_and_hashes(cls, value: str) -> str:
        for number, part in enumerate(_parts(value), start=1):
            if not _KEY.fullmatch(part):
                # the message omits the value, because it may be a secret by mistake
                raise ValueError(
                    f"entry {number} is not of the form name:hash (64 hexadecimal digits); "
                    "`python -m app.api.keys NAME` makes one"
                )
        return value

    @field_validator("rate_limit")
    @classmethod
    def _rate_limit_is_readable(cls, value: str) -> str:
        if value:
            limits.parse(value)
        return value

    @cached_property
    def key_hashes(self) -> dict[str, bytes]:
        """SHA-256 hash of each accepted key, by the name of its holder."""
        pairs = (part.split(":") for part in _parts(self.keys))
        return {name: bytes.fromhex(digest) for name, digest in pairs}

    @property
    def allowed_origins(self) -> list[str]:
        """CORS origins: addresses of web sites whose pages may read responses."""
        return _parts(self.cors_origins)


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def load_api_settings(**overrides: object) -> ApiSettings:
    """Read the API settings from environment variables.

    Args:
        **overrides: Values by attribute name that replace those in the environment.

    Raises:
        SettingsError: A variable has an invalid value; the message names the variable, and never
            contains a key.
    """
    try:
        return ApiSettings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        found = "; ".join(
            f"ROSSMANN_API_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors()
        )
        raise SettingsError(f"a setting in the environment cannot be used: {found}") from error
