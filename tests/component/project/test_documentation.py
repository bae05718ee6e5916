"""The documentation: the site builds strictly and fetches nothing, links lead somewhere, and what
the pages tell people to type is there."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from support.documents import Block, blocks, documents, local_links

from app.api.main import create_app
from documentation import links, reference, slides
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.features.plan import plan_feature_names

MADE = ("reference/cli.md", "reference/http.md", "reference/features.md", "reference/dbt.md")
SHELL = ("sh", "bash", "shell")


class _Fetched(HTMLParser):
    """Collects what a page fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.addresses.append(named.get("src") or "")
        if tag == "link" and named.get("rel") not in ("canonical", "prev", "next"):
            self.addresses.append(named.get("href") or "")


def fetched_elsewhere(page: str) -> list[str]:
    parser = _Fetched()
    parser.feed(page)
    return [each for each in parser.addresses if re.match(r"(https?:)?//", each)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NO_MKDOCS_2_WARNING", "1")
        patched.syspath_prepend(str(PROJECT_DIR))
        build(load_config(str(PROJECT_DIR / "mkdocs.yml"), site_dir=str(folder)))
    return folder


def test_the_site_builds_without_a_warning_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    assert {
        str(page.relative_to(site)): found
        for page in pages
        if (found := fetched_elsewhere(page.read_text(encoding="utf-8")))
    } == {}
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert not any(re.search(r"url\(['\"]?(https?:)?//", style) for style in styles)


def test_every_page_of_docs_is_in_the_navigation(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    for path in (PROJECT_DIR / "docs").rglob("*.md"):
        if path.parent.name != "slides":
            page = path.relative_to(PROJECT_DIR / "docs").with_suffix(".html").as_posix()
            assert f'href="{page}"' in start or page == "index.html", page


def test_a_link_to_nowhere_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# A page\n\n[gone](gone.md)\n", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text("site_name: x\nstrict: true\n", encoding="utf-8")
    with pytest.raises(Abort):
        build(load_config(str(tmp_path / "mkdocs.yml")))


def test_the_reference_names_every_command_operation_and_feature() -> None:
    commands = [words for words, _ in reference.command_line()]
    assert "rossmann rollback model" in commands
    page = reference.cli_page()
    assert [words for words in commands if f"## `{words}`" not in page] == []

    document = create_app().openapi()
    operations = [
        (method, path) for path in document["paths"] for method in document["paths"][path]
    ]
    page = reference.api_page(document)
    assert [each for each in operations if f"## `{each[0].upper()} {each[1]}`" not in page] == []

    page = reference.features_page()
    assert [name for name in plan_feature_names() if f"| `{name}` | plan |" not in page] == []
    assert "| `residual_56d` | history |" in page


def test_settings_are_told_with_defaults_and_exit_codes_with_reasons() -> None:
    page = reference.settings_page()
    assert "| `ROSSMANN_LOCK_TIMEOUT_SECONDS` | `5.0` | How long a writer waits" in page
    assert "| `KAGGLE_KEY` |  | Its key. |" in page
    assert "| `ROSSMANN_ALERT_SMTP_PORT` | `587` |" in page
    assert "| `ROSSMANN_API_RATE_LIMIT` | `6000/minute` |" in page
    assert "| `4` | Another process holds what the command needs: " in page


def test_the_page_of_dbt_models_leads_to_dbts_own_where_that_was_made() -> None:
    assert "(dbt-docs.html)" in reference.dbt_page(has_dbt_site=True)
    page = reference.dbt_page(has_dbt_site=False)
    assert "(dbt-docs.html)" not in page
    assert "| `fct_daily_sales` |" in page


def test_dbts_own_page_does_not_count_its_readers() -> None:
    page = 'a.async=1,a.src="//d1x9.cloudfront.net/2.9.0/sp.js",b.src="own.js"'
    assert reference.without_tracking(page) == 'a.async=1,a.src="data:,",b.src="own.js"'


def test_the_slides_are_one_file_that_needs_nothing_else() -> None:
    source = PROJECT_DIR / "docs" / "slides" / "slides.md"
    page = slides.render(source)
    assert fetched_elsewhere(page) == []
    titles = re.findall(r"^---\n\n# (.+)$", source.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(titles) > 5
    assert [title for title in titles if title not in page] == []


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[tables](../warehouse/README.md#forecasts)", "[tables](reference/tables.md#forecasts)"),
        ("[params.yaml](../params.yaml)", "`params.yaml`"),
        (
            "[the clock](../rossmann_ml/warehouse/clock.py)",
            "the clock (`rossmann_ml/warehouse/clock.py`)",
        ),
        ("[names](naming.md)", "[names](naming.md)"),
        ("[slides](slides/slides.md)", "[slides](slides.html)"),
        ("[gone](../no/such.py)", "[gone](../no/such.py)"),
        ("[outside](https://example.org/x)", "[outside](https://example.org/x)"),
    ],
)
def test_links_work_on_the_site_as_in_the_repository(link: str, expected: str) -> None:
    pages = {**links.site_pages(), **links.SLIDES}
    assert links.rewrite(link, "api.md", pages) == expected
    code = f"```\n{link}\n```\n"
    assert links.rewrite(code, "api.md", pages) == code


def test_links_from_pages_that_lie_elsewhere_lead_into_docs() -> None:
    page = links.ELSEWHERE["simplified/README.md"]
    found = links.rewrite("[guide](../docs/how-to/adapt.md)", page, links.site_pages())
    assert found == "[guide](../how-to/adapt.md)"


def test_links_can_lead_to_where_the_sources_are_shown() -> None:
    found = links.rewrite("[p](../params.yaml)", "api.md", {}, "https://example.org/blob/main/")
    assert found == "[p](https://example.org/blob/main/params.yaml)"


def broken_links(path: Path) -> list[str]:
    made = {(PROJECT_DIR / "docs" / name) for name in MADE}
    there = [(target, (path.parent / target).resolve()) for target in local_links(path)]
    return [target for target, found in there if not found.exists() and found not in made]


def test_every_link_in_the_repository_leads_to_a_file() -> None:
    notebooks = sorted((PROJECT_DIR / "notebooks").glob("*.ipynb"))
    broken = {
        str(path.relative_to(PROJECT_DIR)): found
        for path in [*documents(), *notebooks]
        if (found := broken_links(path))
    }
    assert broken == {}


def test_a_link_to_a_file_that_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "[a](a.md) [b](page.md)\n\n[c]: c.md\n\n```\n[d](d.md)\n```\n", encoding="utf-8"
    )
    assert broken_links(page) == ["a.md", "c.md"]


def all_blocks() -> list[Block]:
    return [block for path in documents() for block in blocks(path)]


def test_every_python_block_is_python() -> None:
    found = [block for block in all_blocks() if block.language == "python"]
    assert len(found) >= 2
    for block in found:
        ast.parse(block.text, block.place)


def make_targets() -> set[str]:
    makefile = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def api_paths() -> list[str]:
    paths = [*create_app().openapi()["paths"], "/docs", "/openapi.json"]
    return [re.sub(r"\{[^}]+\}", "[^/]+", path) for path in paths]


def wrong_with(words: list[str]) -> str:
    """What is wrong with a command that a page names; empty if nothing is known to be."""
    name = words[0].removeprefix(".venv/bin/")
    if words[0].startswith(".venv/bin/") and not Path(sys.executable).with_name(name).exists():
        return f"{words[0]} is not installed"
    if name == "make":
        missing = [word for word in words[1:] if word not in make_targets()]
        return f"make has no target {', '.join(missing)}" if missing else ""
    if name == "rossmann":
        return _wrong_with_rossmann(words[1:])
    if name == "curl":
        return _wrong_with_request(words)
    if name == "python" and "-m" in words:
        module = words[words.index("-m") + 1]
        return "" if importlib.util.find_spec(module) else f"there is no module {module}"
    paths = [word for word in words[1:] if re.match(r"(simplified|notebooks|tests|docs)/", word)]
    missing = [path for path in paths if not (PROJECT_DIR / path).exists()]
    return f"{', '.join(missing)} is not there" if missing else ""


def _wrong_with_rossmann(words: list[str]) -> str:
    commands = dict(reference.command_line())
    for length in (2, 1):
        command = commands.get(" ".join(["rossmann", *words[:length]]))
        if command is not None:
            known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
            unknown = [word for word in words if word.startswith("--") and word not in known]
            return f"rossmann {words[0]} has no {', '.join(unknown)}" if unknown else ""
    return "" if words == ["--help"] else f"there is no command rossmann {' '.join(words[:2])}"


def _wrong_with_request(words: list[str]) -> str:
    for word in words:
        found = re.match(r"(?:http://)?(?:localhost|127\.0\.0\.1):8000(/[^?]*)", word)
        if found and not any(re.fullmatch(path, found[1]) for path in api_paths()):
            return f"the API has no {found[1]}"
    return ""


def test_every_command_that_a_page_names_is_there() -> None:
    wrong = {
        f"{block.place}: {' '.join(words)}": found
        for block in all_blocks()
        if block.language in SHELL
        for words in block.commands
        if (found := wrong_with(words))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("make coffee", "make has no target coffee"),
        ("rossmann forecast", "there is no command rossmann forecast"),
        ("rossmann train --profil full", "rossmann train has no --profil"),
        (
            "ROSSMANN_AS_OF=2025-06-23 .venv/bin/rossmann refresh --all",
            "rossmann refresh has no --all",
        ),
        ("curl -s http://localhost:8000/storse/1", "the API has no /storse/1"),
        (".venv/bin/python -m benchmarks.nothing", "there is no module benchmarks.nothing"),
        (".venv/bin/python simplified/nothing.py", "simplified/nothing.py is not there"),
        (".venv/bin/nothing", ".venv/bin/nothing is not installed"),
    ],
)
def test_a_command_that_is_not_there_is_found(line: str, expected: str) -> None:
    (words,) = Block("page.md:1", "sh", line, runs=False).commands
    assert wrong_with(words) == expected
