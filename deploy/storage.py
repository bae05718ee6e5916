"""Keep the state of a job without a permanent disk in object storage.

``restore`` restores the newest backup, if there is one. ``backup`` stores one under its time and as
the newest; ``keep``, for a run that failed, only under its time. ``incoming`` downloads weekly
drops that are not in ``data/incoming``. STORAGE_URL is ``s3://bucket/prefix``; address and keys are
boto3's variables.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

NEWEST = "backups/newest.tar"
INCOMING = Path(__file__).resolve().parent.parent / "data" / "incoming"


class Storage:
    """Bucket and prefix of an address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            sys.exit(f"STORAGE_URL={url!r}: expected s3://bucket or s3://bucket/prefix")
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        # workflows pass an empty variable for one that is not set
        self._client: Any = boto3.client(
            "s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL") or None
        )

    def get(self, name: str, path: Path) -> bool:
        """Download an object; return False when it does not exist."""
        try:
            self._client.download_file(self._bucket, self._prefix + name, str(path))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return False
            raise
        return True

    def put(self, path: Path, name: str) -> None:
        """Upload a file."""
        self._client.upload_file(str(path), self._bucket, self._prefix + name)

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects in a folder."""
        start = f"{self._prefix}{folder}/"
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=start
        )
        return [
            item["Key"].removeprefix(start) for page in pages for item in page.get("Contents", ())
        ]


def restore(storage: Storage) -> None:
    """Restore warehouse and registry from the newest backup."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backup.tar"
        if not storage.get(NEWEST, path):
            print("there is no backup yet: this is the first run")
            return
        subprocess.run(["rossmann", "restore", str(path)], check=True)


def backup(storage: Storage) -> None:
    """Upload a backup under its time, then replace the newest one."""
    _store(storage, f"backups/{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.tar", NEWEST)


def keep(storage: Storage) -> None:
    """Upload a backup of a failed run, from which no other run starts."""
    _store(storage, f"backups/{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}-failed.tar")


def _store(storage: Storage, *names: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backup.tar"
        subprocess.run(["rossmann", "backup", "--verify", str(path)], check=True)
        for name in names:
            storage.put(path, name)
            print(f"stored {name}, {path.stat().st_size / 1e6:,.1f} MB")


def incoming(storage: Storage) -> None:
    """Download weekly drops that are not in the incoming folder."""
    INCOMING.mkdir(parents=True, exist_ok=True)
    for name in sorted(storage.names("incoming")):
        if name.endswith(".csv") and "/" not in name and not (INCOMING / name).exists():
            storage.get(f"incoming/{name}", INCOMING / name)
            print(f"fetched {name}")


if __name__ == "__main__":
    commands = {"restore": restore, "backup": backup, "keep": keep, "incoming": incoming}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"usage: python deploy/storage.py {'|'.join(commands)}")
    commands[sys.argv[1]](Storage(os.environ.get("STORAGE_URL", "")))
