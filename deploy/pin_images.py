"""Write the digest of every image's tag into Dockerfile and compose file.

A tag can be moved to another image, a digest cannot. It needs Docker with Buildx and a connection
to the registries. Without file names it changes ``Dockerfile`` and ``docker-compose.yml``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
# `FROM image:tag` and `image: image:tag`, with or without an earlier digest
_IMAGE = re.compile(r"^(FROM |\s+image: )([\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?(?=\s|$)", re.M)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(image: str) -> str:
    """Return the digest that the registry has for an image's tag."""
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format"]
    try:
        asked = subprocess.run(
            [*command, "{{.Manifest.Digest}}"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        sys.exit("docker is not installed; nothing was changed")
    found = asked.stdout.strip()
    if asked.returncode != 0 or not _DIGEST.fullmatch(found):
        said = asked.stderr.strip() or f"found {found!r}, expected sha256:..."
        sys.exit(f"no digest of {image}: {said}; nothing was changed")
    return found


def main() -> None:
    """Ask for all digests, then write the files."""
    paths = [Path(name) for name in sys.argv[1:]] or [
        HOME / "Dockerfile",
        HOME / "docker-compose.yml",
    ]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    images = sorted({found[2] for text in texts.values() for found in _IMAGE.finditer(text)})
    digests = {image: digest_of(image) for image in images}
    for path, text in texts.items():
        pinned = _IMAGE.sub(lambda found: f"{found[1]}{found[2]}@{digests[found[2]]}", text)
        path.write_text(pinned, encoding="utf-8")
    for image, digest in digests.items():
        print(f"{image}@{digest}")


if __name__ == "__main__":
    main()
