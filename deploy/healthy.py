"""Health check of containers: exit with 0 when a server answers with status 200.

It imports the standard library only, because it runs every half minute in each container.
"""

import sys
from urllib.request import urlopen

try:
    # the address comes from the compose file
    with urlopen(sys.argv[1], timeout=4) as answer:  # noqa: S310
        sys.exit(0 if answer.status == 200 else f"{sys.argv[1]}: {answer.status}")
except OSError as error:  # no answer, or an error status
    sys.exit(f"{sys.argv[1]}: {error}")
