"""Ends with 0 when a server answers 200: the health check of containers.

Nothing but the standard library, since it runs every half minute in each of them.
"""

import sys
from urllib.request import urlopen

try:
    # the address is the compose file's
    with urlopen(sys.argv[1], timeout=4) as answer:  # noqa: S310
        sys.exit(0 if answer.status == 200 else f"{sys.argv[1]}: {answer.status}")
except OSError as error:  # no answer, or one of refusal
    sys.exit(f"{sys.argv[1]}: {error}")
