"""Recovery: finding out what is wrong, mending what is safe to mend, and coming back from a backup.

``findings`` says what a finding is; ``doctor`` asks every examiner and mends; the examiners each
look at one thing: ``files`` (locks, what killed writers left), ``stored`` (the warehouse),
``served`` (generations and pointer), ``surroundings`` (MLflow, disk). ``archive`` writes and checks
backups, ``restore`` brings them back.
"""

from rossmann_ml.recovery.archive import Backup, back_up
from rossmann_ml.recovery.doctor import examine, mend
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.recovery.restore import restore

__all__ = ["Backup", "Finding", "Severity", "back_up", "examine", "mend", "restore"]
