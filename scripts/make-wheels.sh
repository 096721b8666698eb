#!/bin/sh
# Build the wheels of featurewatch, featurewatch-receiver and featurewatch-kit into FOLDER.
# usage: make-wheels.sh PYTHON FOLDER
# PYTHON has pip and setuptools.
set -eu
python=$1
folder=$2
# A copy: setuptools leaves its build beside the sources, and what is no longer there in the wheel.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
tar --exclude=__pycache__ --exclude='*.egg-info' --exclude=./receivers/build --exclude=./kit/build \
    --create --file - ./*.toml ./*.libsonnet config.yaml README.md LICENSE alertmanager dashboards \
    docs/runbook.md examples exporter kit lib operator prometheus receivers rules \
    | tar --extract --file - --directory "$copy"
"$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$folder" \
    "$copy" "$copy/receivers" "$copy/kit"
