"""Read the settings of the API (keys, limits, log) from ``ROSSMANN_API_*`` variables.

See :mod:`rossmann_ml.base.settings` for the locations of files. No other module of the API reads
environment variables.
"""

from __future__ import annotations

import re
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Annotated

import limits
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rossmann_ml.base.errors import SettingsError

_HOST_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}:[0-9a-f]{64}")
_ORIGIN = re.compile(r"https?://[^/*\s]+")
# the largest networks for private use have prefixes of 8 bits (IPv4) and 7 bits (IPv6)
_SHORTEST_PREFIXES = {4: 8, 6: 7}

# beyond an hour, or the number of ports, a limit would limit nothing, or the server would not start
_Seconds = Annotated[float, Field(gt=0, le=3_600)]
_Connections = Annotated[int, Field(ge=2, le=65_535)]


class ApiSettings(BaseSettings):
    """Settings of the API, from ``ROSSMANN_API_*`` variables.

    Attributes:
        keys: Accepted keys as ``name:hash`` separated by commas; ``python -m app.api.keys NAME``
            makes one. If empty, requests need no key.
        rate_limit: Largest number of requests with one key, or from one network address without a
            key, for example ``100/second`` or ``6000/minute``. If empty, there is no limit.
        allow_without_keys: Whether the server may be reached from other machines without keys.
        bind_address: Address of the machine at which the port of a container is reached; by default
            the address that the server itself listens on.
        allowed_hosts: Names of this server, separated by commas; ``*.example.com`` means all names
            below. ``localhost`` and numeric addresses always are.
        trusted_proxies: Addresses or networks of proxies, separated by commas, whose header
            ``X-Forwarded-For`` names the caller.
        max_body_bytes: Largest size of a request body in bytes.
        body_timeout_seconds: Largest number of seconds in which a request body must arrive.
        head_timeout_seconds: Largest number of seconds in which the head of a request must arrive.
        send_timeout_seconds: Largest number of seconds in which a caller must read a response.
        max_connections: Largest number of open connections, and of requests at once; a further
            connection closes the one that has waited longest for its caller.
        max_unread_bytes: Largest size in bytes of all responses that callers have not read yet.
        max_waiting: Largest number of what-if requests that wait for others; the same for pages of
            more than 5,000 rows.
        cors_origins: CORS origins (addresses of web sites whose pages may read responses),
            separated by commas.
        max_origin_age_days: Largest age of the newest forecast origin in days; above it, ``/ready``
            returns 503.
        follow_seconds: Seconds between checks of the pointer to the current generation.
        log_level: Lowest level of the process log, ``DEBUG`` to ``ERROR``.
        record_requests: Whether requests are recorded for the table ``api_usage``.
        max_record_bytes_per_day: Largest size in bytes of the records of one day.
    """

    model_config = SettingsConfigDict(env_prefix="ROSSMANN_API_", extra="ignore")

    keys: str = Field(default="", repr=False)
    rate_limit: str = "6000/minute"
    allow_without_keys: bool = False
    bind_address: str = ""
    allowed_hosts: str = ""
    trusted_proxies: str = ""
    max_body_bytes: int = Field(default=1_000_000, ge=1)
    body_timeout_seconds: _Seconds = 10.0
    head_timeout_seconds: _Seconds = 10.0
    send_timeout_seconds: _Seconds = 60.0
    max_connections: _Connections = 1_000
    max_unread_bytes: int = Field(default=256_000_000, ge=1_000_000)
    max_waiting: int = Field(default=14, ge=0)
    cors_origins: str = ""
    max_origin_age_days: int = Field(default=14, ge=1)
    # beyond a minute, `/health` would say that publications are not followed
    follow_seconds: float = Field(default=0.25, gt=0, le=30)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    record_requests: bool = True
    max_record_bytes_per_day: int = Field(default=50_000_000, ge=0)

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

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_named(cls, value: str) -> str:
        for part in _parts(value):
            if not _ORIGIN.fullmatch(part):
                # every web site can make a page of the origin `null`
                raise ValueError(
                    f"{part!r} is not an origin such as https://planning.example; `*` and `null` "
                    "would let every web site read responses"
                )
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_are_named(cls, value: str) -> str:
        for part in _parts(value):
            if not _HOST_NAME.fullmatch(part.lower()):
                raise ValueError(f"{part!r} is not a host name such as api.example.com, or *.name")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, value: str) -> str:
        for part in _parts(value):
            try:
                network = ip_network(part)
            except ValueError:
                raise ValueError(f"{part!r} is not an address or a network of a proxy") from None
            shortest = _SHORTEST_PREFIXES[network.version]
            if network.prefixlen < shortest:
                raise ValueError(
                    f"{part!r} would let too many callers choose their address; expected a network "
                    f"of /{shortest} or smaller"
                )
        return value

    @cached_property
    def host_names(self) -> frozenset[str]:
        """Names of this server in lower case, in addition to its numeric addresses."""
        return frozenset({"localhost", *(part.lower() for part in _parts(self.allowed_hosts))})

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


def require_keys_for(api: ApiSettings, host: str) -> None:
    """Check that a server that other machines reach has keys, or is open on purpose.

    Args:
        api: Settings of the API.
        host: Address that the server listens on; ``api.bind_address`` replaces it.

    Raises:
        SettingsError: There are no keys, and ``api.allow_without_keys`` is false.
    """
    address = api.bind_address or host
    if api.key_hashes or api.allow_without_keys or _is_this_machine(address):
        return
    raise SettingsError(
        f"ROSSMANN_API_KEYS is empty, so everyone who reaches {address} could read all figures: "
        "`python -m app.api.keys NAME` makes a key; ROSSMANN_API_ALLOW_WITHOUT_KEYS=true starts "
        "without keys"
    )


def _is_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


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
