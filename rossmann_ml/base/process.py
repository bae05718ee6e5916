"""Prepare a process: variables of the environment, text encoding, and Ctrl-C during waits.

Every entry point (command line, Dagster code location, API, dashboard) calls :func:`prepare` before
it imports the libraries that read the environment variables set there. The command line also calls
:func:`require_utf8`, :func:`refuse_hidden_modules` and :func:`refuse_unusable_text`.
"""

from __future__ import annotations

import locale
import os
import signal
import sys
from pathlib import Path

from rossmann_ml.base.errors import SettingsError

_DEFAULTS = {
    # no telemetry
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    # Waiting threads soon release their core: on a busy machine, spinning made a fit take ten times
    # as long. Releasing it at once makes a fit of LightGBM take 10 s in place of 6 s.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
    # OpenBLAS spins despite the settings above: with two threads and one other busy process, the
    # features of an origin took 3 to 40 s; with one thread always 1 s.
    "OPENBLAS_NUM_THREADS": "1",
}

# Variables of other tools that would change what a run does, for example another dbt target, an
# MLflow run that is resumed, or another engine of polars. The product sets what it needs itself.
_FOREIGN_PREFIXES = ("DBT_", "GX_", "POLARS_")
_FOREIGN = frozenset(
    {
        "MLFLOW_RUN_ID",
        "MLFLOW_EXPERIMENT_ID",
        "MLFLOW_EXPERIMENT_NAME",
        "MLFLOW_REGISTRY_URI",
        "MLFLOW_RUN_CONTEXT",
        "MLFLOW_ACTIVE_MODEL_ID",
        "_MLFLOW_ACTIVE_MODEL_ID",
        "MLFLOW_ENABLE_ASYNC_LOGGING",
        "MLFLOW_TRACKING_DIR",
        "MLFLOW_REGISTRY_DIR",
        "MLFLOW_WORKSPACE",
        "PYTHONOPTIMIZE",
        "PYTHONINSPECT",
        "PYTHONSTARTUP",
    }
)
_KEPT = frozenset({"POLARS_MAX_THREADS", "POLARS_SKIP_CPU_CHECK", "POLARS_TEMP_DIR"})


def prepare() -> None:
    """Set variables that switch telemetry off and limit threads, and remove those of other tools.

    A variable with a default here that the user has set keeps its value. Removed are variables of
    dbt, MLflow and other libraries that would change what a run does, because they are meant for
    other projects.
    """
    for name in [*os.environ]:
        is_foreign = name in _FOREIGN or name.startswith(_FOREIGN_PREFIXES)
        if is_foreign and name not in _KEPT and name not in _DEFAULTS:
            del os.environ[name]
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def require_utf8() -> None:
    """Start this process again in Python's UTF-8 mode if the locale has another encoding.

    Without it, names of files and the texts that libraries read would depend on the locale. The
    encoding of the terminal stays.
    """
    encodings = {sys.getfilesystemencoding(), locale.getpreferredencoding(do_setlocale=False)}
    if {each.lower().replace("-", "") for each in encodings} == {"utf8"} or sys.flags.utf8_mode:
        return
    terminal = getattr(sys.stdout, "encoding", None) or "utf-8"
    os.environ.setdefault("PYTHONIOENCODING", f"{terminal}:replace")
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command


def refuse_hidden_modules() -> None:
    """Check that no folder of ``PYTHONPATH`` has modules that hide those of Python or libraries.

    Raises:
        SettingsError: A folder hides modules; the message names both.
    """
    libraries = [Path(each) for each in sys.path if each.endswith("site-packages")]
    for entry in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        folder = Path(entry)
        if not folder.is_dir() or (folder / "rossmann_ml" / "base").is_dir():
            continue
        names = {each.name.removesuffix(".py") for each in folder.iterdir() if _is_module(each)}
        hidden = sorted(
            name
            for name in names
            if name in sys.stdlib_module_names
            or any((each / name).is_dir() or (each / f"{name}.py").exists() for each in libraries)
        )
        if hidden and folder not in libraries:
            raise SettingsError(
                f"PYTHONPATH has {folder}, whose modules hide those that the product needs: "
                f"{', '.join(hidden[:6])}. Run the command without PYTHONPATH: `env -u PYTHONPATH "
                "rossmann ...`"
            )


def refuse_unusable_text() -> None:
    """Check that no argument is empty, and that arguments and the product's variables are UTF-8.

    An empty argument, as of an unset variable of a shell, would name the current folder as a path.
    Databases need UTF-8.

    Raises:
        SettingsError: An argument is empty, or an argument or a variable has other bytes; the
            message shows it.
    """
    if "" in sys.argv[1:]:
        raise SettingsError(
            f"argument {sys.argv[1:].index('') + 1} is empty; expected text, or no such argument"
        )
    given = {f"argument {number}": text for number, text in enumerate(sys.argv[1:], start=1)}
    given |= {name: text for name, text in os.environ.items() if name.startswith("ROSSMANN_")}
    for name, text in given.items():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise SettingsError(
                f"{name}, {text[:200]!r}, is not UTF-8 (character {error.start + 1}); expected "
                "text in UTF-8"
            ) from error


def _is_module(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").exists()


def heed_interrupts() -> None:
    """Make Ctrl-C interrupt the wait for a child process at once.

    Polars installs a signal handler that makes the system resume interrupted calls. Without this
    function, a process that has imported polars would react only after the child process ends.
    """
    signal.siginterrupt(signal.SIGINT, True)
