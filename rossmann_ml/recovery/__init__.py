"""Find faults, repair them where that loses nothing, back up and restore.

Entry points: :func:`examine`, :func:`repair`, :func:`back_up`, :func:`restore`. ``doctor`` runs the
examiners: ``stored`` (warehouse), ``served`` (generations, pointer), ``surroundings`` (parameters,
disk, MLflow, locks, leftovers).
"""

from rossmann_ml.recovery.archive import back_up
from rossmann_ml.recovery.doctor import examine, repair
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.recovery.restore import restore

__all__ = ["Finding", "Severity", "back_up", "examine", "repair", "restore"]
