"""Container and workflow files: rights, ports, settings, and files that must be there.

`make check-delivery` runs their linters.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from support.compose import COMPOSE_FILE, image_environment, services

from app.api.settings import ApiSettings
from rossmann_ml.base.errors import HeldError
from rossmann_ml.base.settings import PROJECT_DIR, DeliverySettings

WORKFLOWS = sorted((PROJECT_DIR / ".github" / "workflows").glob("*.yml"))
COMPOSE = {"POSTGRES_PASSWORD": "x"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_pinned_runs_once_at_a_time_and_has_no_more_rights_than_it_names(
    path: Path,
) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    assert all("permissions" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_runs_is_there(path: Path) -> None:
    text = path.read_text()
    named = re.findall(r"(?:deploy/\w+\.(?:py|sh)|requirements/install\.sh|\.ci/run)", text)
    assert [name for name in named if not (PROJECT_DIR / name).exists()] == []


def test_the_scheduled_workflow_accepts_a_jump_after_the_exit_code_of_a_held_publication() -> None:
    text = (PROJECT_DIR / ".github" / "workflows" / "train-model.yml").read_text()
    assert f'[ "$ended" = {HeldError.exit_code} ]' in text


def test_every_service_of_the_product_has_a_check_and_no_rights() -> None:
    started = services(COMPOSE)
    document = yaml.safe_load(COMPOSE_FILE.read_text())
    for name, service in document["services"].items():  # those of profiles, too
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
    assert set(started) == {
        *("postgres", "mlflow", "first-refresh", "pipeline"),
        *("dagster-webserver", "dagster-daemon", "api", "dashboard"),
    }
    for name, service in started.items():
        assert ("healthcheck" in service) == (name != "first-refresh"), name


def test_readers_cannot_write_to_the_warehouse() -> None:
    started = services(COMPOSE)
    mounted = {
        name: [each for each in service.get("volumes", ()) if each.startswith("warehouse:")]
        for name, service in started.items()
    }
    writing = "warehouse:/var/lib/rossmann/warehouse"
    assert {name for name, volumes in mounted.items() if volumes == [writing]} == {
        "first-refresh",
        "pipeline",
    }
    assert mounted["api"] == mounted["dashboard"] == [f"{writing}:ro"]


def test_readers_reach_no_server_of_the_pipeline_and_mount_only_what_they_need() -> None:
    started = services(COMPOSE)
    networks = {name: service["networks"] for name, service in started.items()}
    readers = {"api": "requests", "dashboard": "reports"}
    assert {name for name, joined in networks.items() if joined == ["readers"]} == set(readers)
    assert all(joined in (["readers"], ["operators"]) for joined in networks.values())
    for name, folder in readers.items():
        own = f"{folder}:/var/lib/rossmann/state/{folder}"
        _, mounted = started[name]["volumes"]
        assert mounted == (own if name == "api" else f"{own}:ro")


def test_what_is_written_lies_in_volumes_and_apart_from_the_code() -> None:
    image = image_environment()
    for name in ("ROSSMANN_WAREHOUSE_DIR", "ROSSMANN_STATE_DIR"):
        target = image[name]
        assert target.startswith("/var/lib/rossmann/")
        assert any(
            volume.split(":")[1] == target for volume in services(COMPOSE)["pipeline"]["volumes"]
        )


def test_ports_are_open_to_this_machine_only_by_default() -> None:
    ports = [port for service in services(COMPOSE).values() for port in service.get("ports", ())]
    assert sorted(ports) == [f"127.0.0.1:{port}:{port}" for port in (3000, 5000, 8000, 8501)]


def test_who_opens_the_readers_to_a_network_does_not_open_what_runs_jobs() -> None:
    started = services({**COMPOSE, "BIND_ADDRESS": "0.0.0.0"})
    opened = {name for name, each in started.items() if "0.0.0.0:" in str(each.get("ports"))}
    assert opened == {"api", "dashboard"}


def test_every_image_is_named_by_an_exact_tag() -> None:
    compose = yaml.safe_load(COMPOSE_FILE.read_text())
    images = [service["image"] for service in compose["services"].values()]
    images += re.findall(r"^FROM (\S+)", (PROJECT_DIR / "Dockerfile").read_text(), re.MULTILINE)
    others = [image for image in images if "ROSSMANN_IMAGE" not in image]
    exact = r"[\w./-]+:(\d+\.\d+(\.\d+)?-[\w.-]*bookworm|RELEASE\.[\w-]+Z)(@sha256:[0-9a-f]{64})?"
    assert len(others) == 4
    assert [image for image in others if not re.fullmatch(exact, image)] == []
    assert all(image.startswith(("postgres:", "minio/")) or "3.13." in image for image in others)


def test_no_password_no_start() -> None:
    with pytest.raises(ValueError, match=r"POSTGRES_PASSWORD: copy \.env\.example"):
        services({})


def test_the_example_of_settings_names_what_the_compose_file_asks_for() -> None:
    example = (PROJECT_DIR / ".env.example").read_text()
    named = set(re.findall(r"^#?(\w+)=", example, flags=re.MULTILINE))
    asked = set(re.findall(r"\$\{(\w+)|^ +([A-Z_0-9]+):$", COMPOSE_FILE.read_text(), re.MULTILINE))
    asked = {name for pair in asked for name in pair if name}
    assert named <= asked
    documented = "".join(
        (PROJECT_DIR / "docs" / f"{page}.md").read_text()
        for page in ("alerts", "api", "deployment")
    )
    assert {name for name in asked - named if f"`{name}`" not in documented} == set()


def test_every_setting_of_alerts_and_of_the_api_reaches_the_service_that_reads_it() -> None:
    by_service = services(COMPOSE)
    for service, settings in {
        "pipeline": DeliverySettings,
        "first-refresh": DeliverySettings,
        "dagster-daemon": DeliverySettings,
        "api": ApiSettings,
    }.items():
        prefix = settings.model_config["env_prefix"]
        read = {f"{prefix}{name}".upper() for name in settings.model_fields}
        assert read - set(by_service[service]["environment"]) == set(), service
    assert "ROSSMANN_DASHBOARD_URL" in by_service["pipeline"]["environment"]


def test_dagster_is_set_up_the_same_in_containers_but_for_its_storage() -> None:
    own, container = (
        yaml.safe_load((PROJECT_DIR / name).read_text())
        for name in ("dagster.yaml", "deploy/dagster.yaml")
    )
    storages = {"run_storage", "event_log_storage", "schedule_storage"}
    assert {key: value for key, value in own.items() if key not in storages} == {
        key: value for key, value in container.items() if key != "storage"
    }


def test_the_image_gets_every_file_that_the_product_reads_and_no_data() -> None:
    kept = {
        line.removeprefix("!").rstrip("/")
        for line in (PROJECT_DIR / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    roots = {path.split("/")[0] for path in tracked}
    left_out = roots - {each.split("/")[0] for each in kept}
    assert {"app", "assets", "dbt_project", "deploy", "params.yaml", "rossmann_ml"} <= roots
    assert left_out & {"app", "assets", "dbt_project", "deploy", "params.yaml"} == set()
    assert "data" not in kept
    assert "warehouse/ddl" in kept
