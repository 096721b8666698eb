#!/bin/sh
# Create a virtual environment with pip, also where Debian left ensurepip out (python3-venv).
# usage: make-venv.sh PYTHON FOLDER
set -eu
python=$1
folder=$2
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$folder"
    exit
fi
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
"$(dirname "$0")/apt-unpack.sh" "$wheels" python3-pip-whl || {
    echo "make-venv: $python has no ensurepip; run: apt-get install python3-venv" >&2
    exit 1
}
"$python" -m venv --without-pip "$folder"
pip=$(echo "$wheels"/usr/share/python-wheels/pip-*.whl)
# A wheel is a zip that Python can run from: pip installs itself.
"$folder/bin/python" "$pip/pip" install --quiet --no-index "$pip"
