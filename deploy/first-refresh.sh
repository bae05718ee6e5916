#!/bin/sh
# The first data, the first model and the first generation; nothing where one is published already.
set -eu
cd "$(dirname "$0")/.."
if [ -f "${ROSSMANN_WAREHOUSE_DIR:-warehouse}/published/CURRENT" ]; then
    echo "a generation is published already: nothing to do"
    exit 0
fi
if [ -z "${ROSSMANN_RAW_DIR:-}" ] && [ ! -f data/raw/train.csv ] && [ ! -f data/sample/train.csv ]; then
    echo "no data in data/raw: making the synthetic sample"
    rossmann data sample --stores 200 --seed 7
fi
exec rossmann refresh
