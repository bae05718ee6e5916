"""The Markdown of the repository: its files, code blocks and links."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rossmann_ml.base.settings import PROJECT_DIR

_FENCE = re.compile(
    r"(?P<before>[^\n]*\n)?^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(
    r"\[[^\]]*\]\((?P<target>[^)\s]+)\)|^\[[^\]]+\]: (?P<reference>\S+)", re.MULTILINE
)
RUNS = "<!-- tested: runs where the warehouse is -->"
"""Comment before a Python block that a test executes in a folder with a published warehouse."""


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        place: File and line, for the message of a test.
        language: As the fence says.
        text: What is in it, without the indent of the fence.
        runs: Whether it is marked to be executed.
    """

    place: str
    language: str
    text: str
    runs: bool

    @property
    def commands(self) -> list[list[str]]:
        """A shell block's lines as words, without comments, prompts and settings before them."""
        lines = self.text.replace("\\\n", " ").splitlines()
        words = [shlex.split(line, comments=True) for line in lines]
        return [found for each in words if (found := _without_settings(each))]


def _without_settings(words: list[str]) -> list[str]:
    while words and re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", words[0]):
        words = words[1:]
    return words


def documents() -> list[Path]:
    """Every Markdown file that people read."""
    folders = ("docs", "simplified", "notebooks", "warehouse", "data", "benchmarks", "dbt_project")
    found = [path for folder in folders for path in (PROJECT_DIR / folder).rglob("*.md")]
    return sorted([*found, *PROJECT_DIR.glob("*.md")])


def blocks(path: Path) -> Iterator[Block]:
    """The code blocks of a file."""
    text = path.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        indent = found["indent"]
        yield Block(
            f"{path.relative_to(PROJECT_DIR)}:{line}",
            found["language"],
            "".join(each.removeprefix(indent) for each in found["text"].splitlines(True)),
            (found["before"] or "").strip() == RUNS,
        )


def local_links(path: Path) -> Iterator[str]:
    """The targets of a Markdown file's or notebook's links inside the repository."""
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join(
            "".join(each["source"]) for each in cells if each["cell_type"] == "markdown"
        )
    else:
        text = path.read_text(encoding="utf-8")
    for found in _LINK.finditer(
        re.sub(r"^( *)```.*?^\1```", "", text, flags=re.MULTILINE | re.DOTALL)
    ):
        target = (found["target"] or found["reference"]).partition("#")[0]
        if target and not re.match(r"[a-z]+:", target):
            yield target
