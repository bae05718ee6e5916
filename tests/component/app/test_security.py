"""Attacks: SQL and paths in parameters, formulas in exports, slow clients."""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from fastapi.testclient import TestClient
from support.api import client_of, problem_of
from support.published import copy_of
from support.small_warehouse import change

from app.spreadsheets import csv_text
from rossmann_ml.base.errors import NoDataError, PublishError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish, rollback_generation
from rossmann_ml.training import gate as promotion
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]

INJECTIONS = (
    "'",
    '"',
    "1; DROP TABLE forecasts; --",
    "' OR '1'='1",
    "1 UNION SELECT * FROM stores",
    "x'); ATTACH '/tmp/evil.duckdb' AS evil; --",
    "a') OR store_id IN (SELECT store_id FROM stores) --",
    "$1",
    "?",
    "%27%20OR%201=1",
    "\\x27",
    "\u02bc OR 1=1",
    "read_csv('/etc/passwd')",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "\x00",
    "\r\nSet-Cookie: a=b",
    "9" * 400,
    "-1",
    "1e309",
    "NaN",
)

# --- no SQL is built from input ----------------------------------------------------------------

# In the code that reads requests and files, only these functions build SQL from parts. Each part is
# a name from the code (tables, columns, marks for values), never text of a caller or a file.
SQL_FROM_PARTS = {
    "app/api/table_pages.py: _page",
    "rossmann_ml/ingest/admission/holds.py: _changed_rows",
    "rossmann_ml/ingest/admission/units.py: _past",
    "rossmann_ml/ingest/known_on.py: redate_loads",
    "rossmann_ml/ingest/editions.py: _require_rows",
    "rossmann_ml/ingest/editions.py: drop_old_editions",
    "rossmann_ml/ingest/versions.py: settle",
    "rossmann_ml/ingest/public_holidays.py: fill_own_holidays",
    "rossmann_ml/ingest/status.py: _landed_kinds",
    "rossmann_ml/ingest/versions.py: compare_rows",
    "rossmann_ml/ingest/versions.py: store_rows",
    "rossmann_ml/ingest/withdrawal.py: withdraw_file",
}
_SQL = re.compile(
    r"\b(SELECT .*FROM|INSERT |UPDATE .*SET|DELETE FROM|CREATE |DROP |ATTACH |COPY )", re.DOTALL
)


def sql_from_parts(folder: Path) -> Iterator[str]:
    """Yield the functions below a folder that build SQL from parts."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if any(_is_built_sql(node) for node in ast.walk(function)):
                yield f"{path.relative_to(PROJECT_DIR)}: {function.name}"


def _is_built_sql(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        words = "x".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        is_built = any(isinstance(part, ast.FormattedValue) for part in node.values)
        return is_built and bool(_SQL.search(words))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        left = node.left
        return isinstance(left, ast.Constant) and bool(_SQL.search(str(left.value)))
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and isinstance(node.func.value, ast.Constant)
        and bool(_SQL.search(str(node.func.value.value)))
    )


@pytest.mark.parametrize("folder", ["app", "rossmann_ml/ingest", "rossmann_ml/cli"])
def test_sql_is_built_from_parts_only_in_reviewed_functions(folder: str) -> None:
    found = set(sql_from_parts(PROJECT_DIR / folder))
    assert found - SQL_FROM_PARTS == set(), "pass the value as a parameter, or review the function"


def test_a_planted_statement_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_security.PROJECT_DIR", tmp_path, raising=True)
    (tmp_path / "a.py").write_text(
        "def f(x):\n    return f'SELECT * FROM t WHERE a = {x}'\n"
        "def g(x):\n    return 'DELETE FROM t WHERE a = %s' % x\n"
        "def h(x):\n    return 'DROP {}'.format(x)\n"
        "def fine(x):\n    return f'{x} of SELECTED rows', 'SELECT 1 FROM t'\n"
    )
    assert list(sql_from_parts(tmp_path)) == ["a.py: f", "a.py: g", "a.py: h"]


@pytest.fixture(scope="module")
def client(shared_published: Published) -> Iterator[TestClient]:
    with client_of(shared_published[0], rate_limit="") as opened:
        yield opened


def questions(client: TestClient) -> Iterator[tuple[str, str, str]]:
    """Yield path, place and name of every GET parameter."""
    document: dict[str, Any] = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            if parameter["in"] in {"query", "path"}:
                yield path, parameter["in"], parameter["name"]


def test_no_parameter_injects_sql_paths_or_headers(
    client: TestClient, shared_published: Published
) -> None:
    generation = shared_published[1].path
    before = hashlib.sha256(generation.read_bytes()).hexdigest()
    asked = 0
    for path, where, name in questions(client):
        for attempt in INJECTIONS:
            if where == "path":
                response = client.get(path.replace("{" + name + "}", quote(attempt, safe="")))
            else:
                filled = re.sub(r"\{[^}]*\}", "1", path)
                response = client.get(filled, params={name: attempt})
            asked += 1
            assert response.status_code in {200, 400, 404, 406, 410, 422}, (path, name, attempt)
            assert "set-cookie" not in response.headers
            for secret in ("root:", "Traceback", "Parser Error", str(PROJECT_DIR)):
                assert secret not in response.text, (path, name, attempt)
            if response.status_code == 200 and "rows" in response.text[:2000]:
                # as a value the text matches nothing; run as SQL it would match everything
                assert len(response.json().get("rows", [])) <= 1000
    assert asked > 300
    assert hashlib.sha256(generation.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("attempt", INJECTIONS)
def test_no_argument_of_a_command_is_run_as_sql(
    shared_warehouse: Settings, shared_published: Published, attempt: str
) -> None:
    published = shared_published[0]
    before = hashlib.sha256(published.database_path.read_bytes()).hexdigest()
    with pytest.raises(PublishError, match="no generation is called"):
        rollback_generation(published, attempt)
    with pytest.raises(NoDataError, match="there is no model"):
        promotion.promote(Session(published, _params()), model_version=attempt, actor=attempt)
    assert hashlib.sha256(published.database_path.read_bytes()).hexdigest() == before


def _params() -> Params:
    from rossmann_ml.base.params import load_params

    return load_params(PROJECT_DIR / "params.yaml")


# --- paths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../../pyproject.toml",
        "/docs/%2e%2e/%2e%2e/pyproject.toml",
        "/docs/..%2f..%2fpyproject.toml",
        "/docs//etc/passwd",
        "/stores/..%2f..%2f..%2fetc%2fpasswd/forecast",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
    ],
)
def test_no_path_leaves_the_api(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code in {404, 422}
    assert "root:" not in response.text
    assert "[project]" not in response.text


@pytest.mark.parametrize("generation_id", ["../../rossmann", "/etc/passwd", "0" * 11, "g" * 12])
def test_a_forged_cursor_names_no_file(client: TestClient, generation_id: str) -> None:
    cursor = f"{generation_id}-{'0' * 12}-5"
    problem_of(client.get("/forecasts", params={"cursor": cursor}), 422, "invalid-value")


# --- formulas ----------------------------------------------------------------------------------

FORMULAS = ("=1+1", "+1", "-2+3", "@SUM(A1)", "=cmd|'/C calc'!A0", "\t=1", "\r=1")


def test_no_export_contains_a_formula(
    shared_published: Published, project_params: Params, tmp_path: Path
) -> None:
    settings = copy_of(shared_published[0], tmp_path)
    for number, formula in enumerate(FORMULAS):
        quoted = formula.replace("'", "''")
        change(
            settings,
            f"INSERT INTO raw.quarantined_rows VALUES (1, 'sales', 'train.csv', {200 + number}, "
            f"'Sales', 'not a number', '{quoted}', TIMESTAMP '2015-08-03 06:00')",
        )
    publish(Session(settings, project_params), run_id="planted")
    with client_of(settings) as client:
        path = "/data_quality"
        text = client.get(path, params={"format": "csv"}).text
        answers = [text]
        document = client.get("/openapi.json").json()["paths"]
        for each in document:
            if "{" not in each and "get" in document[each]:
                answer = client.get(each, params={"format": "csv"})
                if answer.headers["content-type"].startswith("text/csv"):
                    answers.append(answer.text)
    assert len(answers) > 4
    for answer in answers:
        for row in csv.reader(io.StringIO(answer)):
            for cell in row:
                is_number = re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell)
                assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
    exported = csv_text(pl.DataFrame({"text": FORMULAS, "number": [-5.0] * len(FORMULAS)}))
    rows = list(csv.DictReader(io.StringIO(exported, newline="")))
    assert [row["text"] for row in rows] == [f"'{formula}" for formula in FORMULAS]
    assert {row["number"] for row in rows} == {"-5.0"}


# --- loading and starting ----------------------------------------------------------------------

_UNSAFE = re.compile(
    r"\b(pickle|cPickle|joblib|dill|cloudpickle|marshal|shelve)\b\s*[.(]|"
    r"\beval\(|(?<!\.)\bexec\(|yaml\.load\((?!.*SafeLoader)|allow_pickle=True|shell=True|verify=False"
)


def test_nothing_unpickles_evaluates_or_starts_a_shell() -> None:
    found = [
        f"{path.relative_to(PROJECT_DIR)}: {line.strip()}"
        for folder in ("rossmann_ml", "app", "assets")
        for path in (PROJECT_DIR / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if _UNSAFE.search(line.split("#")[0])
    ]
    assert found == []


def test_servers_listen_only_on_this_machine_by_default() -> None:
    folders = [PROJECT_DIR / "app", PROJECT_DIR / "rossmann_ml", PROJECT_DIR / "Makefile"]
    texts = {
        path: path.read_text(encoding="utf-8")
        for folder in folders
        for path in ([folder] if folder.is_file() else folder.rglob("*.py"))
    }
    for path, text in texts.items():
        for line in text.splitlines():
            if "0.0.0.0" in line:
                assert "help=" in line or "compared only" in line, f"{path}: {line}"
    assert 'default="127.0.0.1"' in texts[PROJECT_DIR / "app" / "api" / "__main__.py"]
