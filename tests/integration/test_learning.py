"""The notebooks and the quick start, on what the weekly job published from the small sample."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from playwright.sync_api import expect
from support.browser import offline_tab
from support.documents import blocks, documents
from support.refreshed import Refreshed
from support.servers import serving
from support.unmeasured import UNMEASURED

from documentation import notebooks
from rossmann_ml.base.settings import PROJECT_DIR

pytestmark = pytest.mark.integration

NOTEBOOKS = sorted((PROJECT_DIR / "notebooks").glob("*.ipynb"))
QUICK_START = PROJECT_DIR / "docs" / "quick-start.md"
# what the other tests do as a whole
LONG = ("make run", "rossmann refresh", "rossmann train", "rossmann up")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 4
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    imported = {line for cell in code for line in cell["source"] if "import" in line}
    assert not any(room in line for line in imported for room in ("rossmann_ml", "assets", "app"))


@pytest.fixture(scope="module")
def executed(refreshed: Refreshed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all notebooks as the documented command executes them."""
    folder = tmp_path_factory.mktemp("executed")
    readme = PROJECT_DIR / "notebooks" / "README.md"
    ((program, _, output),) = [words for block in blocks(readme) for words in block.commands]
    option = output.partition("=")[0]
    relative = os.path.relpath(folder, PROJECT_DIR / "notebooks")
    subprocess.run(
        [
            Path(sys.executable).with_name(Path(program).name),
            *NOTEBOOKS,
            f"{option}={relative}/{{notebook_name}}",
        ],
        env={**os.environ, **refreshed.environment, **UNMEASURED},
        check=True,
        timeout=300,
    )
    return folder


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_published_sample(path: Path, executed: Path) -> None:
    cells = nbformat.read(executed / path.name, as_version=4).cells
    outputs = [each for cell in cells for each in cell.get("outputs", [])]
    assert any(each.output_type == "execute_result" for each in outputs)


@pytest.mark.browser
def test_the_site_shows_notebooks_with_their_outputs_offline(
    executed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "EXECUTED", executed)
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    monkeypatch.syspath_prepend(str(PROJECT_DIR))
    build(load_config(str(PROJECT_DIR / "mkdocs.yml"), site_dir=str(tmp_path)))
    with offline_tab() as page:
        page.goto((tmp_path / "learning" / "notebooks.html").as_uri())
        page.get_by_role("link", name="06-demo.ipynb").click()
        chart = page.get_by_role("img", name="Chart that the code draws")
        assert chart.evaluate("chart => chart.naturalWidth") > 300
        expect(page.get_by_role("cell", name="great_expectations")).to_be_visible()


def test_the_quick_start_does_what_it_says(refreshed: Refreshed, tmp_path: Path) -> None:
    commands = [
        words for block in blocks(QUICK_START) if block.language == "sh" for words in block.commands
    ]
    short = [words for words in commands if not " ".join(words).endswith(LONG)]
    short = [words for words in short if "train" not in words]
    assert len(short) >= 6
    environment = {**os.environ, **refreshed.environment, **UNMEASURED}
    environment["ROSSMANN_INCOMING_DIR"] = str(tmp_path / "incoming")  # others look at the place's
    warehouse = refreshed.settings.warehouse_path
    with serving("api", warehouse, ready="/ready", log=tmp_path / "api.log") as address:
        for words in short:
            program = Path(sys.executable).with_name(Path(words[0]).name)
            asked = [word.replace("http://127.0.0.1:8000", address) for word in words[1:]]
            if words[0] == "curl":
                program, asked = Path("curl"), ["--fail", *asked]
            done = subprocess.run(
                [str(program), *asked],
                cwd=PROJECT_DIR,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{words}: {done.stderr}"
            assert done.stdout.strip(), words


def test_marked_python_blocks_run_where_the_warehouse_is(
    refreshed: Refreshed, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = [each for path in documents() for each in blocks(path) if each.runs]
    assert marked
    monkeypatch.chdir(refreshed.folder)
    for block in marked:
        exec(compile(block.text, block.place, "exec"), {})
