"""The documentation: the site builds strictly and offline, its links and its commands exist."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from support.documents import Block, blocks, documents, local_links
from typer.core import TyperGroup

from app.api.main import create_app
from documentation import links, notebooks, reference, slides
from documentation.commands import rossmann
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.features.plan import plan_feature_names

MADE = ("reference/settings.md", "reference/features.md")
SHELL = ("sh", "bash", "shell")


class _Fetched(HTMLParser):
    """Collect the addresses that a page fetches by itself."""

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


def commands_of(group: Any, words: str = "rossmann") -> dict[str, Any]:
    found = {}
    for name, command in group.commands.items():
        found[f"{words} {name}"] = command
        if isinstance(command, TyperGroup):
            found |= commands_of(command, f"{words} {name}")
    return found


COMMANDS = commands_of(rossmann)


def test_the_reference_has_every_command_operation_and_feature(site: Path) -> None:
    assert "rossmann rollback model" in COMMANDS
    page = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    assert [words for words in COMMANDS if f'id="{words.replace(" ", "-")}"' not in page] == []

    page = (site / "reference" / "http.html").read_text(encoding="utf-8")
    assert [path for path in create_app().openapi()["paths"] if f'"{path}"' not in page] == []

    page = reference.features_page()
    assert [name for name in plan_feature_names() if f"| `{name}` | plan |" not in page] == []
    assert "| `residual_56d` | history |" in page


def test_settings_have_defaults_and_exit_codes_have_reasons() -> None:
    page = reference.settings_page()
    assert "| `ROSSMANN_LOCK_TIMEOUT_SECONDS` | `5.0` | Time that a writer waits" in page
    assert "| `KAGGLE_KEY` |  | Key of your Kaggle account. |" in page
    assert "| `ROSSMANN_ALERT_SMTP_PORT` | `587` |" in page
    assert "| `ROSSMANN_API_RATE_LIMIT` | `6000/minute` |" in page
    assert "| `4` | Another process uses what the command needs: " in page


def test_dbts_own_page_does_not_count_its_readers() -> None:
    page = 'a.async=1,a.src="//d1x9.cloudfront.net/2.9.0/sp.js",b.src="own.js"'
    assert reference.without_tracking(page) == 'a.async=1,a.src="data:,",b.src="own.js"'


def test_a_page_of_a_notebook_has_the_outputs_of_a_run_of_the_same_cells_only(
    tmp_path: Path,
) -> None:
    path = PROJECT_DIR / "notebooks" / "06-demo.ipynb"
    run = nbformat.read(path, as_version=4)
    code = next(cell for cell in run.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="forecasts of a run\n")]
    nbformat.write(run, tmp_path / path.name)
    page = notebooks.page_of(path, tmp_path)
    assert "~~~~text\nforecasts of a run\n~~~~" in page

    code.source += "\n# changed"
    nbformat.write(run, tmp_path / path.name)
    page = notebooks.page_of(path, tmp_path)
    assert "forecasts of a run" not in page
    assert "Without outputs" in page


def test_the_slides_are_one_file_that_needs_nothing_else() -> None:
    source = PROJECT_DIR / "docs" / "slides" / "slides.md"
    page = slides.render(source)
    assert fetched_elsewhere(page) == []
    assert source.name not in page  # nor names a folder of the machine that built it
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
    assert links.rewrite(link, "api.md") == expected
    code = f"```\n{link}\n```\n"
    assert links.rewrite(code, "api.md") == code


def test_links_from_pages_outside_docs_lead_into_docs() -> None:
    page = links.ELSEWHERE["simplified/README.md"]
    found = links.rewrite("[guide](../docs/how-to/adapt.md)", page)
    assert found == "[guide](../how-to/adapt.md)"


def test_links_can_lead_to_where_the_sources_are_shown() -> None:
    found = links.rewrite("[p](../params.yaml)", "api.md", "https://example.org/blob/main/")
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
    """Return what is wrong with a command in a page; empty for a command that exists."""
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
    for length in (2, 1):
        command = COMMANDS.get(" ".join(["rossmann", *words[:length]]))
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
