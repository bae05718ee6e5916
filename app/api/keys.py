"""Create API keys and check them in constant time; only their hashes are kept.

A key has 256 random bits, so a single SHA-256 is safe: slow hashes are needed only for passwords
that people choose. ``python -m app.api.keys NAME`` prints a new key once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sys
from collections.abc import Mapping


def hash_key(key: str) -> bytes:
    """Return the SHA-256 hash of a key; only this hash is stored, never the key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def holder_of(key: str, hashes: Mapping[str, bytes]) -> str | None:
    """Return the name of a key's holder; None if the key is unknown.

    The key's hash is compared with all known hashes, so that the time does not depend on the key.

    Args:
        key: Key that a request sent.
        hashes: SHA-256 hash of each accepted key, by the name of the key's holder.
    """
    found, asked = None, hash_key(key)
    for name, known in hashes.items():
        if hmac.compare_digest(asked, known):
            found = name
    return found


def new_key() -> str:
    """Return a new random API key: ``rf_`` and 256 random bits as text that is safe in URLs."""
    return f"rf_{secrets.token_urlsafe(32)}"


def main(arguments: list[str]) -> int:
    """Print a new key, and the entry in the settings that makes the API accept this key.

    Args:
        arguments: Name of the key's holder, as the only argument.

    Returns:
        Exit status: 0, or 2 if the arguments are not exactly one valid name.
    """
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
