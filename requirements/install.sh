#!/bin/sh
# Create .venv from a hash-pinned lock: `requirements/install.sh runtime`, `... dev` or `... server`.
# An existing environment of the same lock stays unchanged.
set -eu
cd "$(dirname "$0")/.."
wanted=${1:?runtime, dev or server}

fail() {
    printf '\nset-up stopped: %s\n' "$1" >&2
    exit 1
}

stamp_of() { # contents that the environment depends on
    cat "requirements/$1.lock" requirements/uv.lock pyproject.toml | cksum | tr ' ' '-'
}

for made in dev "$wanted"; do # an environment for development can run the product too
    [ "$(cat ".venv/.made-$made" 2>/dev/null)" = "$(stamp_of "$made")" ] && exit 0
done

find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
}
python=$(find_python)
[ -n "$python" ] || fail "Python 3.11, 3.12 or 3.13 is needed and none was found.
  Debian:  apt-get install python3 python3-venv"
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python has no venv.
  Debian:  apt-get install python3-venv"
"$python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || fail "LightGBM needs the library libgomp.so.1.
  Debian:  apt-get install libgomp1"

echo "making .venv with $("$python" --version) from requirements/$wanted.lock; this takes a minute or two"
started=$(date +%s)
[ -x .venv/bin/python ] || "$python" -m venv .venv
rm -f .venv/.made-*
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes "requirements/$wanted.lock"
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
# The checkout is named relative to the libraries: with an absolute path that has a letter beyond
# ASCII, Python 3.11 does not start where LC_ALL is C.
for link in .venv/lib/python3*/site-packages/_editable_impl_rossmann_forecast.pth; do
    echo ../../../.. >"$link"
done
stamp_of "$wanted" >".venv/.made-$wanted"
echo "made in $(($(date +%s) - started)) s, $(du -sh .venv | cut -f1)"
