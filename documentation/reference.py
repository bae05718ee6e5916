"""Reference pages made from the product itself: commands, settings, API, features, dbt models.

Belongs here: turning what the code says of itself into Markdown. The tables' contract is rendered
by :mod:`rossmann_ml.publish.document`, the accuracy page by :mod:`benchmarks.ablation`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from typer.core import TyperGroup

from app.api.settings import ApiSettings
from rossmann_ml import cli
from rossmann_ml.base import errors
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, DeliverySettings, Settings
from rossmann_ml.features.driver_groups import feature_groups
from rossmann_ml.features.history import history_feature_names
from rossmann_ml.features.panel import STORE_FEATURES
from rossmann_ml.features.plan import plan_feature_names

GROUP_TITLES = {
    "linear": "what the linear forecast says",
    "level": "the store's level",
    "weekday": "weekday",
    "promo": "promotion",
    "holidays": "holidays and closings",
    "season": "season",
    "trend": "trend, recent and last year's departures",
    "competition": "competition",
}


def command_line() -> Iterator[tuple[str, Any]]:
    """Every command, with the words that call it: ``rossmann data land``."""
    return _below(cli.app, "rossmann")


def _below(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name in group.commands:
        command = group.get_command(None, name)
        yield f"{path} {name}", command
        if isinstance(command, TyperGroup):
            yield from _below(command, f"{path} {name}")


def cli_page() -> str:
    """The page on every command: what it does, its arguments and options."""
    lines = ["# Commands", "", "Made from the command line itself; `rossmann COMMAND --help` says"]
    lines += ["the same. In a checkout it is `.venv/bin/rossmann`. A refusal ends with a message"]
    lines += ["and an exit code other than 0, which [Settings](settings.md#exit-codes) lists.", ""]
    for words, command in command_line():
        lines += [f"## `{words}`", "", _paragraphs(command.help or ""), ""]
        rows = [row for each in command.params if (row := _parameter_row(each))]
        if rows:
            lines += ["| argument or option | value | default | meaning |", "|---|---|---|---|"]
            lines += [*rows, ""]
    return "\n".join(lines)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _parameter_row(parameter: Any) -> str:
    if "--help" in parameter.opts or parameter.hidden:
        return ""
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    annotation = parameter.type_descriptor.annotation
    kind = parameter.metavar or getattr(annotation, "__name__", str(annotation))
    default = parameter.default
    shown = "" if default is None or callable(default) else f"`{default}`"
    if parameter.required:
        shown = "required"
    cells = [names, kind.lower(), shown, parameter.help or ""]
    return "| " + " | ".join(" ".join(each.replace("|", "\\|").split()) for each in cells) + " |"


def settings_page() -> str:
    """The page on every environment variable, with default and meaning, and on exit codes."""
    lines = ["# Settings and exit codes", "", "Made from the code. Settings are environment"]
    lines += ["variables; folders are below the checkout unless they begin with a slash. What the"]
    lines += ["product does, rather than where and with what means, is set in `params.yaml`.", ""]
    for title, settings in (
        ("The product", Settings),
        ("Where alerts go", DeliverySettings),
        ("The API", ApiSettings),
    ):
        lines += [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|"]
        lines += [*_setting_rows(settings), ""]
    lines += ["## Exit codes", "", "| code | when |", "|---|---|", "| `0` | it is done |"]
    kinds = {each.exit_code: each for each in errors.RossmannError.__subclasses__()}
    for code, kind in sorted({1: errors.RossmannError, **kinds}.items()):
        lines.append(f"| `{code}` | {inspect.cleandoc(kind.__doc__ or '').splitlines()[0]} |")
    return "\n".join([*lines, ""])


def _setting_rows(settings: type[BaseSettings]) -> Iterator[str]:
    told = inspect.cleandoc(settings.__doc__ or "").partition("Attributes:")[2]
    meanings = dict(re.findall(r"^    (\w+): (.+(?:\n        .+)*)", told, re.MULTILINE))
    for name, field in settings.model_fields.items():
        variable = field.validation_alias or f"{settings.model_config['env_prefix']}{name}".upper()
        default = field.get_default()
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if field.default_factory:
            shown = "by the machine"
        elif default == PROJECT_DIR:
            shown = "the checkout"
        else:
            shown = "" if default in {None, ""} else f"`{default}`"
        yield f"| `{variable}` | {shown} | {' '.join(meanings[name].split())} |"


def api_page(document: dict[str, Any]) -> str:
    """The page on every operation of the API.

    Args:
        document: The API's OpenAPI document.
    """
    info = document["info"]
    lines = ["# API", "", "Made from the API's OpenAPI document, which a running API serves at"]
    lines += ["`/openapi.json`, and with a form to try each operation at `/docs`. How to operate"]
    lines += ["it is on [its own page](../api.md).", "", info.get("description", ""), ""]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            lines += [f"## `{method.upper()} {path}`", "", operation.get("summary", ""), ""]
            if operation.get("description"):
                lines += [operation["description"], ""]
            parameters = operation.get("parameters", [])
            if parameters:
                lines += ["| parameter | in | type | required | meaning |", "|---|---|---|---|---|"]
                lines += [_api_parameter(each) for each in parameters] + [""]
            answers = ", ".join(
                f"`{status}` {answer['description'].splitlines()[0]}"
                for status, answer in operation["responses"].items()
            )
            lines += [f"Answers: {answers}.", ""]
    return "\n".join(lines)


def _api_parameter(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    kinds = [schema, *schema.get("anyOf", [])]
    kind = " or ".join(
        each.get("format") or each["type"] for each in kinds if each.get("type", "null") != "null"
    )
    meaning = " ".join(parameter.get("description", "").split())
    required = "yes" if parameter.get("required") else "no"
    return f"| `{parameter['name']}` | {parameter['in']} | {kind} | {required} | {meaning} |"


def features_page() -> str:
    """The catalogue of features: name, meaning, where it comes from, group of drivers."""
    params = load_params(PROJECT_DIR / "params.yaml").features
    catalogue = {
        "horizon_days": ("days from the origin to the target day, 1 to 42", "plan"),
        **{name: (meaning, "plan") for name, meaning in plan_feature_names().items()},
        **{name: (meaning, "store") for name, meaning in STORE_FEATURES.items()},
        **{name: (text, "history") for name, text in history_feature_names(params).items()},
    }
    groups = feature_groups(catalogue)
    lines = ["# Features", "", "Made from `rossmann_ml.features`. A row of a panel is (origin,"]
    lines += ["store, target day). *Plan* features come from what the retailer knows in advance;"]
    lines += ["*history* features from sales on or before the origin. Residuals are log sales"]
    lines += [f"minus the linear forecast. There are {len(catalogue)} features.", ""]
    for group, title in GROUP_TITLES.items():
        lines += [f"## {title[0].upper()}{title[1:]}", "", "| feature | from | meaning |"]
        lines += ["|---|---|---|"]
        lines += [
            f"| `{name}` | {source} | {meaning} |"
            for name, (meaning, source) in catalogue.items()
            if groups[name] == group
        ]
        lines += [""]
    return "\n".join(lines)


def dbt_page(*, has_dbt_site: bool) -> str:
    """The page on dbt's models, by layer.

    Args:
        has_dbt_site: Whether dbt's own documentation is part of the site.
    """
    lines = ["# dbt models", "", "Made from the YAML beside each model. How the project is laid"]
    lines += ["out and run is on [its own page](dbt-project.md)."]
    if has_dbt_site:
        lines += ["[dbt's own documentation](dbt-docs.html) has lineage, tests and columns."]
    folder = PROJECT_DIR / "dbt_project" / "models"
    for layer in ("staging", "core", "marts"):
        lines += ["", f"## {layer.capitalize()}", "", "| model | description |", "|---|---|"]
        lines += [
            f"| `{model['name']}` | {' '.join(str(model.get('description', '')).split())} |"
            for model in _models(folder / layer)
        ]
    return "\n".join([*lines, ""])


def without_tracking(page: str) -> str:
    """Take out the script that dbt's own documentation fetches to count its readers."""
    return re.sub(r'"//[a-z0-9]+\.cloudfront\.net/[^"]*"', '"data:,"', page)


def _models(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.yml")):
        yield from (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models") or []
