"""Getting the competition's files from Kaggle, with the user's own account.

Belongs here: the one call of Kaggle's HTTP API that is needed, and checking what came against
DVC's pointers (``data/*.csv.dvc``). Kaggle's own package does the same with a command line, an
own settings folder and a sign-in when it is imported; nothing of that is wanted here.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests
import yaml

from rossmann_ml.base.digests import md5_of
from rossmann_ml.base.errors import BadFileError, FaultError, RefusedError, SettingsError
from rossmann_ml.base.settings import Settings

COMPETITION = "rossmann-store-sales"
FILE_NAMES = ("train.csv", "test.csv", "store.csv")
_TIMEOUT_SECONDS = (10.0, 60.0)
_BLOCK_BYTES = 1 << 20

WAYS_TO_SIGN_IN = (
    "Make a token on Kaggle (your picture, Settings, API) and accept the rules of the competition "
    f"{COMPETITION} there. Then set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN, or put "
    "the file kaggle.json into ~/.kaggle. Or download the files in a browser, into {folder}"
)


@dataclass(frozen=True)
class Pointer:
    """What DVC knows of a file.

    Attributes:
        name: The file's name.
        md5: Of its bytes.
        size: In bytes.
    """

    name: str
    md5: str
    size: int


@dataclass(frozen=True)
class FetchedFile:
    """A file of the competition that is in place now.

    Attributes:
        path: Where it is.
        size: In bytes.
        was_there: It was there before, and is the competition's.
    """

    path: Path
    size: int
    was_there: bool


def read_pointer(settings: Settings, name: str) -> Pointer:
    """Read what ``data/<name>.dvc`` says of a raw file.

    Raises:
        SettingsError: The pointer is missing or is none.
    """
    path = settings.home / "data" / f"{name}.dvc"
    try:
        (out,) = yaml.safe_load(path.read_text(encoding="utf-8"))["outs"]
        return Pointer(name, str(out["md5"]), int(out["size"]))
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} is no pointer of DVC to one file: {error!r}") from error


def fetch_files(
    settings: Settings, *, force: bool, progress: Callable[[str], None]
) -> list[FetchedFile]:
    """Bring the competition's files to ``data/raw`` and check size and MD5.

    A file that is there already and is the competition's is not fetched again. Nothing takes its
    place before it has been checked.

    Args:
        settings: Who asks, whom, and where the files go.
        force: Replace a file of the same name that is another one.
        progress: Told a line for each file.

    Raises:
        BadFileError: A file is in the way, or Kaggle sent something else than the pointer says.
        RefusedError: Credentials are missing or wrong, or the rules are not accepted.
        FaultError: Kaggle did not answer, or answered with an error.
    """
    folder = settings.home / "data" / "raw"
    pointers = [read_pointer(settings, name) for name in FILE_NAMES]
    wanted = []
    for pointer in pointers:
        path = folder / pointer.name
        if not path.exists():
            wanted.append(pointer)
        elif (path.stat().st_size, md5_of(path)) != (pointer.size, pointer.md5):
            if not force:
                raise BadFileError(
                    f"{path} is there and is not Kaggle's {pointer.name}: {path.stat().st_size:,} "
                    f"bytes, MD5 {md5_of(path)}; expected {pointer.size:,} bytes, MD5 "
                    f"{pointer.md5}. Move it away, or replace it with --force"
                )
            wanted.append(pointer)
    fetched = {}
    if wanted:
        folder.mkdir(parents=True, exist_ok=True)
        with _session(settings, folder) as session:
            for pointer in wanted:
                progress(f"fetching {pointer.name} ({pointer.size / 1e6:,.1f} MB)")
                _fetch(settings, session, pointer, folder / pointer.name)
                fetched[pointer.name] = True
    return [
        FetchedFile(folder / pointer.name, pointer.size, pointer.name not in fetched)
        for pointer in pointers
    ]


@contextmanager
def _session(settings: Settings, folder: Path) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False  # a .netrc must not answer in place of the settings
        session.proxies = requests.utils.get_environ_proxies(settings.kaggle_address)
        token = settings.kaggle_api_token.get_secret_value()
        if token:
            session.headers["Authorization"] = f"Bearer {token}"
        else:
            session.auth = _user_and_key(settings, folder)
        yield session


def _user_and_key(settings: Settings, folder: Path) -> tuple[str, str]:
    user, key = settings.kaggle_username, settings.kaggle_key.get_secret_value()
    if user and key:
        return user, key
    path = settings.kaggle_config_dir.expanduser() / "kaggle.json"
    if not path.exists():
        raise RefusedError(
            f"Kaggle wants to know who asks. {WAYS_TO_SIGN_IN.format(folder=folder)}"
        )
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return str(read["username"]), str(read["key"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        # what is in the file is a secret, so only the kind of the error is told
        raise RefusedError(
            f"{path} cannot be read as a token of Kaggle ({type(error).__name__}): expected "
            '{"username": ..., "key": ...}'
        ) from error


def _fetch(settings: Settings, session: requests.Session, pointer: Pointer, path: Path) -> None:
    url = f"{settings.kaggle_address}/competitions/data/download/{COMPETITION}/{pointer.name}"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    part = Path(name)
    try:
        with os.fdopen(handle, "w+b") as stream:
            try:
                with session.get(url, stream=True, timeout=_TIMEOUT_SECONDS) as answer:
                    _refuse(answer, path.parent)
                    for block in answer.iter_content(_BLOCK_BYTES):
                        stream.write(block)
            except requests.RequestException as error:
                raise FaultError(
                    f"{url} could not be fetched: {error}. Is the network there? "
                    "What was fetched before stays"
                ) from error
            _unpack(stream, pointer)
        size, md5 = part.stat().st_size, md5_of(part)
        if (size, md5) != (pointer.size, pointer.md5):
            raise BadFileError(
                f"Kaggle sent a {pointer.name} of {size:,} bytes with MD5 {md5}; "
                f"data/{pointer.name}.dvc expects {pointer.size:,} bytes with MD5 {pointer.md5}. "
                "It was not kept"
            )
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _refuse(answer: requests.Response, folder: Path) -> None:
    if answer.status_code == 401:
        raise RefusedError(
            f"Kaggle does not know this user or key (401). {WAYS_TO_SIGN_IN.format(folder=folder)}"
        )
    if answer.status_code == 403:
        raise RefusedError(
            "Kaggle refuses (403): the rules of the competition have to be accepted once, in a "
            f"browser, under https://www.kaggle.com/competitions/{COMPETITION}/rules"
        )
    if answer.status_code != 200:
        raise FaultError(f"Kaggle answered {answer.status_code} {answer.reason} for {answer.url}")


def _unpack(stream: IO[bytes], pointer: Pointer) -> None:
    """Replace an archive by the file in it; Kaggle sends some files packed."""
    stream.flush()
    stream.seek(0)
    if stream.read(4) != b"PK\x03\x04":
        return
    stream.seek(0)
    with zipfile.ZipFile(stream) as archive, tempfile.TemporaryFile() as unpacked:
        try:
            member = archive.getinfo(pointer.name)
        except KeyError as error:
            raise BadFileError(
                f"Kaggle sent an archive without {pointer.name}: {archive.namelist()}"
            ) from error
        if member.file_size != pointer.size:
            raise BadFileError(
                f"Kaggle sent a packed {pointer.name} of {member.file_size:,} bytes; expected "
                f"{pointer.size:,}"
            )
        with archive.open(member) as packed:
            for block in iter(lambda: packed.read(_BLOCK_BYTES), b""):
                unpacked.write(block)
        unpacked.seek(0)
        stream.seek(0)
        stream.truncate()
        for block in iter(lambda: unpacked.read(_BLOCK_BYTES), b""):
            stream.write(block)
