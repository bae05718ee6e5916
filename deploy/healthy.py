"""Ends with 0 when a server answers 200: the health check of containers.

Nothing but the standard library, since it runs every half minute in each of them.
"""

import sys
from urllib.request import urlopen

with urlopen(sys.argv[1], timeout=4) as answer:  # noqa: S310 - the address is the compose file's
    sys.exit(0 if answer.status == 200 else 1)
