#!/bin/sh
# Load data, train the first model and publish the first generation, unless one is published.
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
