"""Publishing: the read-only generations that everyone reads, and the pointer to the current one.

``contract`` says what is in a generation, ``identity`` which one the warehouse gives,
``continuity`` how far its totals moved, ``writer`` writes it, ``audit`` decides whether it may be
served, ``generations`` finds and opens what is on disk, ``retention`` and ``vintages`` decide what
stays, ``status`` tells of failures and alerts, ``summary`` of what is current, and ``publishing``
runs the steps in their order.
"""

from rossmann_ml.publish.generations import (
    Generation,
    GenerationInfo,
    current_path,
    list_generations,
    open_generation,
    read_info,
)
from rossmann_ml.publish.publishing import (
    AcceptedJump,
    PublishedGeneration,
    publish,
    rollback_generation,
)
from rossmann_ml.publish.status import (
    FailedRun,
    HeldPublish,
    OpenAlert,
    Status,
    read_status,
    write_status,
)
from rossmann_ml.publish.summary import Summary, summarise

__all__ = [
    "AcceptedJump",
    "FailedRun",
    "Generation",
    "GenerationInfo",
    "HeldPublish",
    "OpenAlert",
    "PublishedGeneration",
    "Status",
    "Summary",
    "current_path",
    "list_generations",
    "open_generation",
    "publish",
    "read_info",
    "read_status",
    "rollback_generation",
    "summarise",
    "write_status",
]
