"""API keys: made here, kept by their hash alone, compared in constant time.

A key carries 256 random bits, so one SHA-256 of it cannot be searched backwards; slow hashes are
for passwords that people choose. ``python -m app.api.keys NAME`` prints a new key once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sys
from collections.abc import Mapping

_PREFIX = "rf_"


def hash_key(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def holder_of(key: str, hashes: Mapping[str, bytes]) -> str | None:
    """The name of a key's holder, or None.

    Every hash is compared, in a time that does not depend on the key.
    """
    found, asked = None, hash_key(key)
    for name, known in hashes.items():
        if hmac.compare_digest(asked, known):
            found = name
    return found


def new_key() -> str:
    """A new key of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def main(arguments: list[str]) -> int:
    """Print a new key for a holder, and the entry for ``ROSSMANN_API_KEYS``."""
    if len(arguments) != 1 or not arguments[0].replace("-", "").isalnum():
        sys.stderr.write("usage: python -m app.api.keys NAME (letters, digits and hyphens)\n")
        return 2
    key = new_key()
    sys.stdout.write(
        f"key, shown only now: {key}\n"
        f"entry for ROSSMANN_API_KEYS: {arguments[0]}:{hash_key(key).hex()}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
