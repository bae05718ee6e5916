"""Download the competition's files from Kaggle with the user's own account.

Entry point: :func:`fetch_files`. Each file is checked against DVC's pointer (``data/*.csv.dvc``)
before it appears in ``data/raw``. One HTTP request per file is made here, because ``kagglehub``
1.0.3 sends its requests without a timeout: a server that stops answering blocks it for ever.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml

from rossmann_ml.base.digests import md5_of
from rossmann_ml.base.errors import BadFileError, FaultError, RefusedError, SettingsError
from rossmann_ml.base.settings import Settings

COMPETITION = "rossmann-store-sales"
FILE_NAMES = ("train.csv", "test.csv", "store.csv")
_TIMEOUT_SECONDS = (10.0, 60.0)  # to connect, and between two packets of the answer
_BLOCK_BYTES = 1 << 20

_HOW_TO_SIGN_IN = (
    "Make a token on Kaggle (your picture, Settings, API) and accept the rules of the competition "
    f"{COMPETITION} there. Then set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN, or put "
    "the file kaggle.json into ~/.kaggle. Or download the files in a browser, into {folder}"
)

_Sign = Callable[[requests.PreparedRequest], requests.PreparedRequest]


@dataclass(frozen=True)
class Pointer:
    """Content of one DVC pointer file: size and MD5 that a raw file must have.

    Attributes:
        name: Name of the raw file.
        md5: MD5 of its bytes, hexadecimal.
        size: Size in bytes.
    """

    name: str
    md5: str
    size: int


def read_pointer(settings: Settings, name: str) -> Pointer:
    """Read the DVC pointer ``data/<name>.dvc`` of a raw file.

    Raises:
        SettingsError: The pointer is missing or is not a DVC pointer to one file.
    """
    path = settings.home / "data" / f"{name}.dvc"
    try:
        (out,) = yaml.safe_load(path.read_text(encoding="utf-8"))["outs"]
        return Pointer(name, str(out["md5"]), int(out["size"]))
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} is not a DVC pointer to one file: {error!r}") from error


def fetch_files(settings: Settings, *, force: bool, progress: Callable[[str], None]) -> list[Path]:
    """Download the competition's files into ``data/raw`` and check their size and MD5.

    A file that is already there with the expected size and MD5 is not downloaded again. A
    download replaces a file in ``data/raw`` only after its check.

    Args:
        settings: Home folder, Kaggle's address and the user's credentials.
        force: Whether to replace a file of the same name with other content.
        progress: Called with one line per download.

    Returns:
        Paths of the downloaded files; the others were already in place.

    Raises:
        BadFileError: A file with other content is in the way, or Kaggle sent other bytes than
            the pointer says.
        RefusedError: Credentials are missing or wrong, or the rules are not accepted.
        FaultError: Kaggle did not answer, or answered with an error.
    """
    folder = settings.home / "data" / "raw"
    pointers = [read_pointer(settings, name) for name in FILE_NAMES]
    missing = [each for each in pointers if not _is_in_place(folder / each.name, each, force=force)]
    if missing:
        credentials = _credentials(settings, folder)
        folder.mkdir(parents=True, exist_ok=True)
    for pointer in missing:
        progress(f"fetching {pointer.name} ({pointer.size / 1e6:,.1f} MB)")
        url = f"{settings.kaggle_address}/competitions/data/download/{COMPETITION}/{pointer.name}"
        # inside data/raw, so that moving the checked file is one rename
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching.") as work:
            part = Path(work) / "download"
            _download(url, credentials, part, folder)
            part = _unpacked(part, pointer)
            found = (part.stat().st_size, md5_of(part))
            if found != (pointer.size, pointer.md5):
                raise BadFileError(
                    f"Kaggle sent a {pointer.name} of {found[0]:,} bytes with MD5 {found[1]}; "
                    f"data/{pointer.name}.dvc expects {pointer.size:,} bytes with MD5 "
                    f"{pointer.md5}. It was not kept"
                )
            part.replace(folder / pointer.name)
    return [folder / each.name for each in missing]


def _is_in_place(path: Path, pointer: Pointer, *, force: bool) -> bool:
    if not path.exists():
        return False
    size, md5 = path.stat().st_size, md5_of(path)
    if (size, md5) == (pointer.size, pointer.md5):
        return True
    if force:
        return False
    raise BadFileError(
        f"{path} is there and is not Kaggle's {pointer.name}: {size:,} bytes, MD5 {md5}; expected "
        f"{pointer.size:,} bytes, MD5 {pointer.md5}. Move it away, or replace it with --force"
    )


def _credentials(settings: Settings, folder: Path) -> tuple[str, str] | _Sign:
    """Return the user and key, or the function that adds the token to a request."""
    token = settings.kaggle_api_token.get_secret_value()
    if token:

        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            return request

        return sign
    user, key = settings.kaggle_username, settings.kaggle_key.get_secret_value()
    if user and key:
        return user, key
    path = settings.kaggle_config_dir.expanduser() / "kaggle.json"
    if not path.exists():
        raise RefusedError(f"Kaggle needs credentials. {_HOW_TO_SIGN_IN.format(folder=folder)}")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return str(read["username"]), str(read["key"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        # the message names the kind of the error only, because the file holds a secret
        raise RefusedError(
            f"{path} cannot be read as a token of Kaggle ({type(error).__name__}): expected "
            '{"username": ..., "key": ...}'
        ) from error


def _download(url: str, credentials: tuple[str, str] | _Sign, part: Path, folder: Path) -> None:
    try:
        # Kaggle redirects to a storage host; requests removes the credentials for that host
        with (
            requests.get(url, auth=credentials, stream=True, timeout=_TIMEOUT_SECONDS) as answer,
            part.open("wb") as stream,
        ):
            _check_status(answer, folder)
            for block in answer.iter_content(_BLOCK_BYTES):
                stream.write(block)
    except requests.RequestException as error:
        raise FaultError(
            f"{url} could not be fetched: {error}. Check the network "
            "connection; files fetched before stay in place"
        ) from error


def _check_status(answer: requests.Response, folder: Path) -> None:
    if answer.status_code == 401:
        raise RefusedError(
            f"Kaggle rejects this user or key (401). {_HOW_TO_SIGN_IN.format(folder=folder)}"
        )
    if answer.status_code == 403:
        raise RefusedError(
            "Kaggle refuses (403): the rules of the competition have to be accepted once, in a "
            f"browser, under https://www.kaggle.com/competitions/{COMPETITION}/rules"
        )
    if answer.status_code != 200:
        raise FaultError(f"Kaggle answered {answer.status_code} {answer.reason} for {answer.url}")


def _unpacked(part: Path, pointer: Pointer) -> Path:
    """Return the file inside a zip archive, or the download itself: Kaggle packs some files."""
    if not zipfile.is_zipfile(part):
        return part
    names: list[str] = []
    try:
        with zipfile.ZipFile(part) as archive:
            names = archive.namelist()
            return Path(archive.extract(pointer.name, part.parent))
    except (KeyError, zipfile.BadZipFile) as error:
        raise BadFileError(
            f"Kaggle sent an archive without a whole {pointer.name} (it holds {names}): {error}"
        ) from error
