"""Names of packages, modules, steps and owners in the pages are those of the code."""

from __future__ import annotations

import pkgutil
import re
import tomllib
from pathlib import Path

from support.documents import documents

from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.pipeline.steps import WEEKLY_JOB_WITH_TRAINING
from rossmann_ml.warehouse.tables import SCHEMA_OWNERS, TABLE_OWNERS

ARCHITECTURE = PROJECT_DIR / "docs" / "explanation" / "architecture.md"
PICTURE = PROJECT_DIR / "docs" / "pictures" / "architecture.svg"
# the changelog keeps the names at the time of each release
WITH_TODAYS_NAMES = [path for path in documents() if path.name != "CHANGELOG.md"]
_PATH = re.compile(r"(?<![\w/.-])(?:rossmann_ml|app|assets|tests)/[\w./<>*-]+")
_DOTTED = re.compile(r"(?<![\w/.])rossmann_ml(?:\.\w+)+")


def missing_names(page: Path) -> list[str]:
    """Return the paths and dotted names of a page that are not in the repository."""
    text = page.read_text(encoding="utf-8")
    return [
        *(path for path in _PATH.findall(text) if not _is_there(path, page)),
        *(name for name in _DOTTED.findall(text) if not _can_be_resolved(name)),
    ]


def _is_there(path: str, page: Path) -> bool:
    # of `features/plan/<group>.py` the folder can be looked up
    certain = re.sub(r"[^/]*[<*].*", "", path).rstrip(".")
    return any((folder / certain).exists() for folder in (PROJECT_DIR, page.parent))


def _can_be_resolved(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_every_path_and_dotted_name_of_the_code_in_a_page_is_there() -> None:
    wrong = {
        str(page.relative_to(PROJECT_DIR)): missing
        for page in WITH_TODAYS_NAMES
        if (missing := missing_names(page))
    }
    assert wrong == {}


def layers() -> list[list[str]]:
    """Return the library's packages from the lowest layer to the highest."""
    pyproject = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["type"] == "layers"]
    return [sorted(layer.split(" | ")) for layer in reversed(contract["layers"])]


def table_under(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading of the page, without its head."""
    section = ARCHITECTURE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert lines, heading
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines[0].splitlines()[2:]
    ]


def test_the_page_lists_the_packages_in_the_order_that_the_contract_holds() -> None:
    remaining = [row[0].strip("`") for row in table_under("Packages")]
    for layer in layers():
        assert sorted(remaining[: len(layer)]) == layer
        remaining = remaining[len(layer) :]
    assert remaining == []


def test_the_picture_names_every_package() -> None:
    words = set(re.findall(r"\w+", re.sub(r"<[^>]+>", " ", PICTURE.read_text(encoding="utf-8"))))
    assert {name for layer in layers() for name in layer} <= words


def test_contributors_find_every_package() -> None:
    page = (PROJECT_DIR / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [
        name for layer in layers() for name in layer if f"`rossmann_ml/{name}`" not in page
    ] == []


def test_the_page_lists_the_steps_of_a_monday_in_their_order() -> None:
    rows = table_under("The weekly job, step by step")
    assert [(row[0], row[1].strip("`")) for row in rows] == [
        (step.title, step.name) for step in WEEKLY_JOB_WITH_TRAINING
    ]


def test_the_page_names_the_owner_of_every_schema_and_table() -> None:
    owners = {}
    for schemas, owner, others in table_under("Table owners"):
        names = re.findall(r"\w+", schemas)
        owners.update(dict.fromkeys(names, owner.strip("`")))
        for group in filter(None, others.split(";")):
            tables, _, other = group.rpartition(":")
            for table in re.findall(r"\w+", tables):
                owners[f"{names[0]}.{table}"] = other.strip(" `")
    assert owners == {**SCHEMA_OWNERS, **TABLE_OWNERS}
