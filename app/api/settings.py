"""What the environment says about the API: who may ask, how much, and who is told.

Where the generations are belongs to :mod:`rossmann_ml.base.settings`. No other module of the API
reads environment variables.
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
        keys: Who may ask, as ``name:hash`` separated by commas; ``python -m app.api.keys NAME``
            makes one. Empty: everyone may ask.
        rate_limit: Requests of one key, or of one address without keys, for example
            ``100/second`` or ``6000/minute``; empty: no limit.
        max_body_bytes: Largest body of a request.
        body_timeout_seconds: How long a body may take to arrive.
        max_connections: Connections open at once; more are answered 503.
        cors_origins: Origins of browser pages that may read answers, separated by commas.
        max_origin_age_days: ``/ready`` refuses when the newest origin is older than this.
        follow_seconds: How often the pointer to the current generation is looked at.
        log_level: Of the process's log, ``DEBUG`` to ``ERROR``.
        record_requests: Whether every request is recorded for the pipeline.
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
                # the value may be a secret by mistake, so it is not repeated
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
        """Hash of every key by the name of its holder."""
        pairs = (part.split(":") for part in _parts(self.keys))
        return {name: bytes.fromhex(digest) for name, digest in pairs}

    @property
    def allowed_origins(self) -> list[str]:
        """Origins whose pages may read answers."""
        return _parts(self.cors_origins)


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def load_api_settings(**overrides: object) -> ApiSettings:
    """Read the settings from the environment.

    Args:
        **overrides: Values that win over the environment, by attribute name.

    Raises:
        SettingsError: A variable holds a value that cannot be used; the message names it, and
            never repeats a key.
    """
    try:
        return ApiSettings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        found = "; ".join(
            f"ROSSMANN_API_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors()
        )
        raise SettingsError(f"a setting in the environment cannot be used: {found}") from error
