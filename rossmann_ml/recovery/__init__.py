"""Find faults, repair what is safe to repair, back up and restore.

``findings`` says what a finding is; ``doctor`` asks every examiner and repairs; the examiners each
look at one thing: ``files`` (locks, what killed writers left), ``stored`` (the warehouse),
``served`` (generations and pointer), ``surroundings`` (MLflow, disk). ``archive`` writes and checks
backups, ``restore`` brings them back.
"""

from rossmann_ml.recovery.archive import Backup, back_up
from rossmann_ml.recovery.doctor import examine, repair
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.recovery.restore import restore

__all__ = ["Backup", "Finding", "Severity", "back_up", "examine", "repair", "restore"]
