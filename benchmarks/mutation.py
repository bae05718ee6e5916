"""Plant small faults in the arithmetic and count how many the unit tests notice.

``python -m benchmarks.mutation --package features --seed 1`` draws a seeded sample of places in
the package's modules, has cosmic-ray make one small change at each (a number by one, ``<`` to
``<=``, ``+`` to ``-``, a loop that never runs), and runs the package's unit tests against it.
Snapshots of former results (marker ``frozen``) do not count as tests here. Without ``--package``
all packages are run and ``docs/mutation.md`` is written. A survivor that changes nothing has its
reason in ``equivalent_mutants.yaml``; every other one needs a test.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec
from rich.console import Console

from rossmann_ml.base.markdown import markdown_table
from rossmann_ml.base.settings import PROJECT_DIR

PAGE = PROJECT_DIR / "docs" / "mutation.md"
_REASONS = Path(__file__).with_name("equivalent_mutants.yaml")
_ABOUT = """\
# Mutation testing

Do the unit tests notice when the arithmetic changes? cosmic-ray makes one small change
at each of a random sample of places in a package, and the package's unit tests run
against it. Snapshots of former results do not count. `make mutation` writes this page;
the workflow draws another seed every week."""
_WANTED = 54 / 60  # share of mutants that the tests must notice


@dataclass(frozen=True)
class Package:
    """Modules that are mutated together, and the tests that must notice.

    Attributes:
        modules: Patterns of module paths below ``rossmann_ml``.
        tests: Folders or files below ``tests``.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]


PACKAGES = {
    "features": Package(("features/**/*.py",), ("unit/features",)),
    "models": Package(("models/**/*.py",), ("unit/models",)),
    "evaluation": Package(("evaluation/*.py",), ("unit/evaluation", "component/evaluation")),
    "gate": Package(
        tuple(f"training/{name}.py" for name in ("gate", "model_records", "model_findings")),
        ("unit/training",),
    ),
    "forecasting": Package(
        ("forecasting/**/*.py", "serving/what_if.py", "serving/prepared_origin.py"),
        (
            "unit/forecasting",
            "unit/serving/test_changed_plans.py",
            "unit/serving/test_scenarios.py",
        ),
    ),
    "publish": Package(
        (
            "serving/contract.py",
            *(
                f"publish/{name}.py"
                for name in ("audit", "continuity", "identity", "retention", "summary", "vintages")
            ),
        ),
        (
            "unit/publish",
            "unit/serving/test_contract_form.py",
            *(f"component/publish/test_audit_{name}.py" for name in ("checks", "tables")),
        ),
    ),
    "monitoring": Package(
        (
            *("monitoring/accuracy.py", "base/params/alerts.py", "base/params/drift.py"),
            *("monitoring/training_weeks.py", "monitoring/retraining_advice.py"),
            *("monitoring/alerts/findings.py", "monitoring/alerts/*rules.py"),
            *("monitoring/alerts/watch.py", "monitoring/drift/[!r]*.py"),
        ),
        ("unit/monitoring",),
    ),
    "ingest": Package(
        (
            *(f"ingest/{name}.py" for name in ("checks", "formats", "header", "reading")),
            *(f"ingest/{name}.py" for name in ("discovery", "versions", "data_set", "file_load")),
            *("ingest/landing.py", "ingest/status.py", "ingest/public_holidays.py"),
            *(
                "base/params/__init__.py",
                "base/digests.py",
                "warehouse/clock.py",
                "warehouse/versions.py",
            ),
            "warehouse/tables/raw.py",
        ),
        (
            *("unit/ingest", "unit/warehouse", "unit/base", "component/ingest/test_units.py"),
            "component/ingest/test_ingest_withdrawal.py",
            *(
                f"component/ingest/test_ingest_{name}.py"
                for name in ("admission", "file_landing", "known_on", "versions_reference")
            ),
        ),
    ),
}


@dataclass(frozen=True)
class Result:
    """Outcome of one mutant.

    Attributes:
        module: Path of the module in the project.
        line: Number of the changed line, from 1.
        operator: Name of the change in cosmic-ray.
        before: Text of the line.
        after: Text of the changed line.
        is_killed: True when a test failed or the tests took far too long.
    """

    module: str
    line: int
    operator: str
    before: str
    after: str
    is_killed: bool


def sample(package: Package, *, mutants: int, seed: int) -> list[MutationSpec]:
    """Draw places in a package's modules, and one change at each.

    Places that cannot change a result are skipped: annotations, ``if TYPE_CHECKING``,
    ``frozen=True``, empty methods of protocols, and the star before keyword-only arguments.
    """
    paths = [
        path.relative_to(PROJECT_DIR)
        for pattern in package.modules
        for path in sorted((PROJECT_DIR / "rossmann_ml").glob(pattern))
    ]
    with tempfile.TemporaryDirectory() as folder, use_db(str(Path(folder, "items"))) as items:
        init(paths, items, {})
        specs = [item.mutations[0] for item in items.work_items]
    without_effect = {path: list(_without_effect(path)) for path in paths}
    by_place: dict[tuple[str, tuple[int, int], tuple[int, int]], list[MutationSpec]] = {}
    for spec in sorted(specs, key=lambda each: (each.operator_name, each.occurrence)):
        spans = without_effect[spec.module_path]
        if not any(first <= spec.start_pos < last for first, last in spans):
            place = (str(spec.module_path), spec.start_pos, spec.end_pos)
            by_place.setdefault(place, []).append(spec)
    rng = random.Random(seed)
    places = sorted(by_place)
    chosen = rng.sample(places, min(mutants, len(places)))
    return [rng.choice(by_place[place]) for place in chosen]


def _without_effect(path: Path) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the spans of a module, as (line, column), that cannot change a result."""
    for node in ast.walk(ast.parse((PROJECT_DIR / path).read_text(encoding="utf-8"))):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts = [node.returns]
            if node.args.kwonlyargs:  # the star before them
                before = [*node.args.posonlyargs, *node.args.args, *node.args.defaults]
                begin = max((_end(each) for each in before), default=_start(node))
                yield begin, _start(node.args.kwonlyargs[0])
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts = [node.annotation]
        elif (
            (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
            or (isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases))
            or (isinstance(node, ast.keyword) and node.arg == "frozen")
        ):
            parts = [node]
        for part in filter(None, parts):
            yield _start(part), _end(part)


def _start(node: ast.AST) -> tuple[int, int]:
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def _end(node: ast.AST) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def run(name: str, *, mutants: int, seed: int, workers: int, console: Console) -> list[Result]:
    """Run the tests on a sample of mutants of a package, and print the survivors.

    Raises:
        SystemExit: The tests fail without any mutant.
    """
    package = PACKAGES[name]
    specs = sample(package, mutants=mutants, seed=seed)
    command = (  # without plugins, because loading them takes a second
        "env PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 ROSSMANN_TESTS_DO_NOT_SHRINK=1 "
        f"{sys.executable} -m pytest -x -q -p no:cacheprovider -m 'not frozen' "
        + " ".join(f"tests/{path}" for path in package.tests)
    )
    results = []
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copies = [_copy(Path(folder, str(number))) for number in range(workers)]
        started = time.perf_counter()
        baseline = subprocess.run(  # the same command without a mutant
            command, shell=True, cwd=copies[0], capture_output=True, text=True, check=False
        )
        if baseline.returncode:
            raise SystemExit(
                f"error: the tests of {name} fail unchanged\n{baseline.stdout[-3000:]}"
            )
        seconds = time.perf_counter() - started
        console.print(f"{name}: {len(specs)} mutants, seed {seed}, tests take {seconds:.0f} s")
        parts = [specs[number::workers] for number in range(workers)]
        with ProcessPoolExecutor(workers) as pool:
            attempt = partial(_try_all, command=command, timeout=60 + 10 * seconds)
            for found in pool.map(attempt, copies, parts):
                results += found
    results.sort(key=lambda result: (result.module, result.line, result.operator))
    survivors = _survivors(results)
    console.print(f"{name}: {len(results) - len(survivors)} of {len(results)} noticed")
    for survivor in survivors:
        console.print(f"  {survivor}", highlight=False, markup=False)
    return results


def _copy(target: Path) -> Path:
    """Copy the project's own files, so that a mutant never touches the checkout."""
    target.mkdir()
    listed = "git ls-files -z --cached --others --exclude-standard"
    copied = f"xargs -0 cp --parents --target-directory '{target}'"
    subprocess.run(f"{listed} | {copied}", shell=True, cwd=PROJECT_DIR, check=True)
    return target


def _try_all(
    folder: Path, specs: list[MutationSpec], *, command: str, timeout: float
) -> list[Result]:
    os.chdir(folder)
    return [_try(spec, command, timeout) for spec in specs]


def _try(spec: MutationSpec, command: str, timeout: float) -> Result:
    outcome = mutate_and_test([spec], command, timeout)
    changes = [line[1:].strip() for line in (outcome.diff or "").splitlines() if line[:1] in "-+"]
    changes = [line for line in changes if not line.startswith(("--", "++"))] or ["", ""]
    return Result(
        module=str(spec.module_path),
        line=spec.start_pos[0],
        operator=spec.operator_name.removeprefix("core/"),
        before=changes[0],
        after=changes[len(changes) // 2],
        is_killed=outcome.is_killed,
    )


def _survivors(results: list[Result]) -> list[str]:
    """Describe the mutants that no test noticed."""
    return [
        f"`{each.module}` line {each.line}: `{each.before}` made `{each.after}`. "
        f"{_reason(each) or 'No reason known: it needs a test.'}"
        for each in results
        if not each.is_killed
    ]


def _reason(result: Result) -> str | None:
    """Return the reason why a survivor changes no result, from ``equivalent_mutants.yaml``."""
    known = yaml.safe_load(_REASONS.read_text(encoding="utf-8")) or []
    for entry in known:
        if entry["module"] == result.module and entry["line"] == result.before:
            after = entry.get("after")
            if after is None or result.after.replace("[ -", "[-") in after:
                return str(entry["reason"])
    return None


def write_page(found: dict[str, list[Result]], *, seed: int) -> None:
    """Write ``docs/mutation.md`` from the results by package."""
    rows, survivors = [], []
    for name, results in found.items():
        alive = [result for result in results if not result.is_killed]
        known = sum(_reason(result) is not None for result in alive)
        counts = (len(results), len(results) - len(alive), known, len(alive) - known)
        rows.append([name, str(seed), *map(str, counts)])
        survivors += [f"- {each}" for each in _survivors(results)]
    titles = ("package", "seed", "mutants", "noticed", "survivors that change nothing",
              "without a reason")  # fmt: skip
    parts = [_ABOUT, markdown_table(titles, rows), "## Survivors", "\n".join(survivors) or "None."]
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", choices=PACKAGES, action="append", help="by default all")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample")
    parser.add_argument("--mutants", type=int, default=60, help="mutants per package")
    parser.add_argument("--workers", type=int, default=2, help="parallel processes")
    given = parser.parse_args()
    attempt = partial(
        run,
        mutants=given.mutants,
        seed=given.seed,
        workers=given.workers,
        console=Console(width=160),
    )
    found = {name: attempt(name) for name in given.package or PACKAGES}
    if not given.package:
        write_page(found, seed=given.seed)
    short = [
        name
        for name, results in found.items()
        if sum(result.is_killed for result in results) < _WANTED * len(results)
    ]
    if short:
        raise SystemExit(f"error: fewer than {_WANTED:.0%} noticed in {', '.join(short)}")


if __name__ == "__main__":
    main()
