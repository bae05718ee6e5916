"""``rossmann data fetch`` against answers in the form of Kaggle's."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
import responses
import typer
from typer.testing import CliRunner

from rossmann_ml.base.errors import (
    BadFileError,
    FaultError,
    RefusedError,
    RossmannError,
)
from rossmann_ml.base.settings import Settings, default_settings, load_settings
from rossmann_ml.cli.data.versions import fetch as fetch_command
from rossmann_ml.ingest import kaggle as kaggle_files
from rossmann_ml.ingest.kaggle import fetch_files

FILE_NAMES = tuple(kaggle_files.FILES)
FILES = {name: f"the bytes of {name}\n".encode() * 50 for name in FILE_NAMES}
BASIC = "Basic " + base64.b64encode(b"ada:secret-key").decode()
ADDRESS = "https://kaggle.test/api/v1"
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Kaggle:
    """The files of a fake Kaggle, the credentials it accepts, and the requests it received."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    authorization: str = BASIC
    status: int = 200
    requested: list[str] = field(default_factory=list)

    def answer(self, request: requests.PreparedRequest) -> Answer:
        name = str(request.url).rpartition("/")[2]
        self.requested.append(name)
        if request.headers.get("Authorization") != self.authorization:
            return 401, {}, b"{}"
        if self.status != 200:
            return self.status, {}, b"{}"
        return 302, {"Location": f"https://storage.test/{name}"}, b""

    def store(self, request: requests.PreparedRequest) -> Answer:
        assert "Authorization" not in request.headers  # the key is not meant for this host
        return 200, {}, self.files[str(request.url).rpartition("/")[2]]


@pytest.fixture
def kaggle() -> Iterator[Kaggle]:
    state = Kaggle()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        for name in FILE_NAMES:
            url = f"{ADDRESS}/competitions/data/download/rossmann-store-sales/{name}"
            web.add_callback(responses.GET, url, state.answer)
            web.add_callback(responses.GET, f"https://storage.test/{name}", state.store)
        yield state


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, content in FILES.items():
        expected = (len(content), hashlib.md5(content).hexdigest())
        monkeypatch.setitem(kaggle_files.FILES, name, expected)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "kaggle"))
    monkeypatch.setenv("KAGGLE_USERNAME", "ada")
    monkeypatch.setenv("KAGGLE_KEY", "secret-key")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "")
    return load_settings(home=tmp_path, kaggle_address=ADDRESS)


def fetch(settings: Settings, *, force: bool = False) -> list[str]:
    return [path.name for path in fetch_files(settings, force=force, progress=lambda line: None)]


def raw(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (settings.home / "data" / "raw").iterdir()}


def test_files_are_fetched_checked_and_not_fetched_again(
    settings: Settings, kaggle: Kaggle
) -> None:
    assert fetch(settings) == list(FILE_NAMES)
    assert raw(settings) == FILES
    assert fetch(settings) == []
    assert kaggle.requested == list(FILE_NAMES)


def test_a_packed_file_is_unpacked(settings: Settings, kaggle: Kaggle) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", FILES["train.csv"])
    kaggle.files["train.csv"] = buffer.getvalue()
    fetch(settings)
    assert raw(settings) == FILES


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("other.csv", b"x", r"an archive without a whole train\.csv \(it holds \['other\.csv'\]\)"),
        ("train.csv", b"x", r"a train\.csv of 1 bytes with MD5"),
    ],
)
def test_an_archive_of_something_else_is_refused(
    settings: Settings, kaggle: Kaggle, name: str, content: bytes, complaint: str
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    kaggle.files["train.csv"] = buffer.getvalue()
    with pytest.raises(BadFileError, match=complaint):
        fetch(settings)
    assert raw(settings) == {}


def test_a_file_that_differs_by_a_byte_is_not_kept(settings: Settings, kaggle: Kaggle) -> None:
    kaggle.files["test.csv"] = FILES["test.csv"][:-1] + b"!"
    with pytest.raises(BadFileError, match=r"with MD5 .* expected 1,100 bytes.*not kept"):
        fetch(settings)
    assert list(raw(settings)) == ["train.csv"]  # the file fetched before it stays


@pytest.mark.usefixtures("kaggle")
def test_a_file_of_ones_own_is_replaced_only_with_force(settings: Settings) -> None:
    fetch(settings)
    own = settings.home / "data" / "raw" / "store.csv"
    own.write_text("my stores")
    with pytest.raises(BadFileError, match=r"store\.csv is there and is not Kaggle's.*--force"):
        fetch(settings)
    assert own.read_text() == "my stores"
    assert fetch(settings, force=True) == ["store.csv"]
    assert raw(settings) == FILES


def test_without_credentials_the_error_names_every_way_to_sign_in(
    settings: Settings, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(
        RefusedError, match=r"Make a token.*KAGGLE_USERNAME.*kaggle\.json.*data/raw"
    ):
        fetch(load_settings(home=settings.home, kaggle_address=ADDRESS))
    assert kaggle.requested == []


def test_the_token_file_of_kaggle_is_read(
    settings: Settings, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    folder = settings.home / "kaggle"
    folder.mkdir()
    token = folder / "kaggle.json"
    token.write_text(json.dumps({"username": "ada", "key": "secret-key"}))
    again = load_settings(home=settings.home, kaggle_address=ADDRESS)
    assert fetch(again) == list(FILE_NAMES)

    (settings.home / "data" / "raw" / "train.csv").unlink()
    token.write_text('{"key": "secret-key"}')
    with pytest.raises(RefusedError, match=r"KeyError.*expected") as refused:
        fetch(again)
    assert "secret-key" not in str(refused.value)


def test_a_token_of_the_newer_kind_is_sent_as_such(
    settings: Settings, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "a-token")
    kaggle.authorization = "Bearer a-token"
    again = load_settings(home=settings.home, kaggle_address=ADDRESS)
    assert fetch(again) == list(FILE_NAMES)
    assert "a-token" not in repr(again)


@pytest.mark.parametrize(
    ("status", "error", "complaint"),
    [
        (403, RefusedError, "rules of the competition have to be accepted"),
        (500, FaultError, "Kaggle answered 500"),
    ],
)
def test_an_error_status_is_explained(
    settings: Settings, kaggle: Kaggle, status: int, error: type[RossmannError], complaint: str
) -> None:
    kaggle.status = status
    with pytest.raises(error, match=complaint):
        fetch(settings)
    assert raw(settings) == {}


def test_a_wrong_key_is_distinguished_from_rules_not_accepted(
    settings: Settings, kaggle: Kaggle
) -> None:
    kaggle.authorization = "Basic other"
    with pytest.raises(RefusedError, match=r"rejects this user or key \(401\)"):
        fetch(settings)


def test_no_answer_names_the_address(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    nobody = load_settings(home=settings.home, kaggle_address="http://127.0.0.1:9/api/v1")
    with pytest.raises(FaultError, match=r"127\.0\.0\.1:9.*could not be fetched"):
        fetch(nobody)


@pytest.mark.usefixtures("kaggle")
def test_the_command_prints_what_is_in_place(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSSMANN_HOME", str(settings.home))
    monkeypatch.setenv("ROSSMANN_KAGGLE_ADDRESS", ADDRESS)
    monkeypatch.setenv("ROSSMANN_RAW_DIR", str(settings.home / "elsewhere"))
    default_settings.cache_clear()
    app = typer.Typer()
    app.command()(fetch_command)
    result = CliRunner().invoke(app)
    default_settings.cache_clear()
    assert result.exit_code == 0, result.output
    assert "fetching store.csv (0.0 MB)" in result.output
    assert "1,150 bytes  fetched, size and MD5 as Kaggle's" in result.output
    assert "ROSSMANN_RAW_DIR is set, so files are read from" in result.output
