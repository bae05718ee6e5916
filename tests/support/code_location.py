"""The Dagster code location of a place of its own, and what it looks like as text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from rossmann_ml.base.settings import Settings, load_settings
from support.chain import small_params

if TYPE_CHECKING:
    import dagster as dg


def place_settings(place: Path, raw_dir: Path) -> Settings:
    """Settings of a place of its own, with parameters that train in seconds."""
    (place / "incoming").mkdir(parents=True, exist_ok=True)
    params = yaml.safe_dump(small_params().model_dump(), sort_keys=False)
    (place / "params.yaml").write_text(params, encoding="utf-8")
    return load_settings(
        raw_dir=raw_dir,
        incoming_dir=place / "incoming",
        warehouse_dir=place / "warehouse",
        state_dir=place / "state",
        params_file=place / "params.yaml",
        threads=1,
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables by which another process finds the same place."""
    return {
        f"ROSSMANN_{name.upper()}": str(getattr(settings, name))
        for name in (
            *("raw_dir", "incoming_dir", "warehouse_dir", "state_dir", "params_file"),
            *("threads", "lock_timeout_seconds"),
        )
    }


@pytest.fixture(scope="session")
def location(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The code location over an empty place; nothing is run in it."""
    # here and not above: other tests need not wait for Dagster
    from assets.definitions import build_definitions

    return build_definitions(settings=place_settings(tmp_path_factory.mktemp("code"), sample_dir))


def graph_text(definitions: dg.Definitions) -> str:
    """Every asset by group with what it is made of and its checks, then every job's steps."""
    graph = definitions.resolve_asset_graph()
    checks: dict[dg.AssetKey, list[str]] = {}
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        checks.setdefault(key.asset_key, []).append(
            key.name if spec.blocking else f"{key.name} (does not block)"
        )
    groups: dict[str, list[dg.AssetKey]] = {}
    for key in graph.materializable_asset_keys:
        groups.setdefault(graph.get(key).group_name, []).append(key)
    lines = []
    for group, keys in sorted(groups.items()):
        lines.append(f"group {group}")
        for key in sorted(keys):
            node = graph.get(key)
            lines.append(f"  {key.to_user_string()} ({', '.join(sorted(node.kinds))})")
            lines += [f"    from {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
            lines += [f"    check {name}" for name in sorted(checks.get(key, []))]
    for job in sorted(definitions.resolve_all_job_defs(), key=lambda each: each.name):
        if not job.name.startswith("__"):
            lines.append(f"job {job.name}")
            lines += [f"  {step}" for step in sorted(job.graph.node_dict)]
    return "\n".join(lines) + "\n"
