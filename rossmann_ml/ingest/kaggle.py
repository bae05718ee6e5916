"""Download the competition's files from Kaggle with the user's own account.

Entry point: :func:`fetch_files`. Size and MD5 of each file are compared with :data:`FILES` before
it appears in ``data/raw``. This module uses the library ``requests`` instead of
``kagglehub``, because ``kagglehub`` 1.0.3 sends its requests without a timeout: if a server stops
responding, it waits for ever.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import requests

from rossmann_ml.base.digests import md5_of
from rossmann_ml.base.errors import BadFileError, FaultError, RefusedError
from rossmann_ml.base.settings import Settings

COMPETITION = "rossmann-store-sales"
FILES = {
    "train.csv": (38_057_952, "d47aedd9e2d580e06a6ef7ce1732e8b6"),
    "test.csv": (1_427_425, "702189c326ce783ff913ddd6ff984946"),
    "store.csv": (45_010, "30c9ccb5af66c21f65e7d1da967e6251"),
}
"""Size in bytes and MD5 of the competition's files, by name."""
_TIMEOUT_SECONDS = (10.0, 60.0)  # to connect, and between two packets of the answer
_BLOCK_BYTES = 1 << 20

_HOW_TO_SIGN_IN = (
    "Make a token on Kaggle (your picture, Settings, API) and accept the rules of the competition "
    f"{COMPETITION} there. Then set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN, or put "
    "the file kaggle.json into ~/.kaggle. Or download the files in a browser, into {folder}"
)


def fetch_files(settings: Settings, *, force: bool, progress: Callable[[str], None]) -> list[Path]:
    """Download the competition's files into ``data/raw`` and check their size and MD5.

    A file that is already there with the expected size and MD5 is not downloaded again. A
    download replaces a file in ``data/raw`` only after its check.

    Args:
        settings: Home folder, Kaggle's address and the user's credentials.
        force: Whether to replace a file in ``data/raw`` that has another size or MD5.
        progress: Called with one line per download.

    Returns:
        Paths of the downloaded files; the others were already in place.

    Raises:
        BadFileError: ``data/raw`` has a file with another size or MD5 than :data:`FILES` and
            `force` is false, or Kaggle sent such a file, or an archive without the file.
        RefusedError: Credentials are missing or wrong, or the user has not accepted the rules of
            the competition on Kaggle's site.
        FaultError: Kaggle did not answer, or answered with an error.
    """
    folder = settings.home / "data" / "raw"
    missing = {
        name: expected
        for name, expected in FILES.items()
        if not _is_in_place(folder / name, expected, force=force)
    }
    if missing:
        session = _signed_session(settings, folder)
        folder.mkdir(parents=True, exist_ok=True)
    for name, (size, md5) in missing.items():
        progress(f"fetching {name} ({size / 1e6:,.1f} MB)")
        url = f"{settings.kaggle_address}/competitions/data/download/{COMPETITION}/{name}"
        # inside data/raw, so that moving the checked file is one rename
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching.") as work:
            part = Path(work) / "download"
            _download(session, url, part, folder)
            part = _unpacked(part, name)
            found = (part.stat().st_size, md5_of(part))
            if found != (size, md5):
                raise BadFileError(
                    f"Kaggle sent a {name} of {found[0]:,} bytes with MD5 {found[1]}; "
                    f"expected {size:,} bytes with MD5 {md5}. It was not kept"
                )
            part.replace(folder / name)
    return [folder / name for name in missing]


def _is_in_place(path: Path, expected: tuple[int, str], *, force: bool) -> bool:
    if not path.exists():
        return False
    size, md5 = path.stat().st_size, md5_of(path)
    if (size, md5) == expected or force:
        return (size, md5) == expected
    raise BadFileError(
        f"{path} is there and is not Kaggle's {path.name}: {size:,} bytes, MD5 {md5}; expected "
        f"{expected[0]:,} bytes, MD5 {expected[1]}. Move it away, or replace it with --force"
    )


def _signed_session(settings: Settings, folder: Path) -> requests.Session:
    """Make an HTTP session that sends the user's Kaggle credentials with each request.

    The session uses the first credentials that exist: the API token in the settings, user and key
    in the settings, or the file ``kaggle.json``.

    Args:
        settings: The user's credentials.
        folder: Folder for the raw files, named in the message if there are no credentials.
    """
    session = requests.Session()
    token = settings.kaggle_api_token.get_secret_value()
    user, key = settings.kaggle_username, settings.kaggle_key.get_secret_value()
    if token:
        session.auth = _bearer(token)
    elif user and key:
        session.auth = user, key
    else:
        session.auth = _token_file(settings.kaggle_config_dir.expanduser() / "kaggle.json", folder)
    return session


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Return an authentication hook that adds the token to each HTTP request.

    A header of the session would not do, because the library ``requests`` replaces it by an entry
    in the user's file ``.netrc``.
    """

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _token_file(path: Path, folder: Path) -> tuple[str, str]:
    """Read the user name and the key from Kaggle's token file ``kaggle.json`` at `path`.

    `folder` is the folder for the raw files, named in the message if there is no token file.
    """
    if not path.exists():
        raise RefusedError(f"Kaggle needs credentials. {_HOW_TO_SIGN_IN.format(folder=folder)}")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return str(read["username"]), str(read["key"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        # the message names the kind of the error only, because the file holds a secret
        raise RefusedError(
            f"{path} cannot be read as a token of Kaggle ({type(error).__name__}): expected "
            '{"username": ..., "key": ...}'
        ) from error


def _download(session: requests.Session, url: str, part: Path, folder: Path) -> None:
    try:
        # Kaggle redirects to a storage host; requests removes the credentials for that host
        with (
            session.get(url, stream=True, timeout=_TIMEOUT_SECONDS) as answer,
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


def _unpacked(part: Path, name: str) -> Path:
    """Unpack a download if it is a zip archive, because Kaggle sends some files packed.

    Args:
        part: The download.
        name: Name of the wanted file inside the archive.

    Returns:
        Path of the unpacked file next to the download, or `part` if it is no archive.
    """
    if not zipfile.is_zipfile(part):
        return part
    names: list[str] = []
    try:
        with zipfile.ZipFile(part) as archive:
            names = archive.namelist()
            return Path(archive.extract(name, part.parent))
    except (KeyError, zipfile.BadZipFile) as error:
        raise BadFileError(
            f"Kaggle sent an archive without a whole {name} (it holds {names}): {error}"
        ) from error
