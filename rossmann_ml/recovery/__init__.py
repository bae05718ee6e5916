"""Find faults of an installation, repair those whose repair loses no data, back up and restore.

Entry points: :func:`examine`, :func:`repair`, :func:`back_up`, :func:`restore`. The module
``doctor`` runs the examiners, which are functions that report faults: ``stored`` (warehouse),
``bundles`` (models), ``served`` (generations, pointer), ``surroundings`` (parameters, disk, locks,
leftovers), ``records`` (MLflow, Dagster).
"""

from rossmann_ml.recovery.backup import back_up
from rossmann_ml.recovery.doctor import examine, repair
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.recovery.restore import restore

__all__ = ["Finding", "Severity", "back_up", "examine", "repair", "restore"]
