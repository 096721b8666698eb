#!/bin/sh
# Install into the virtual environment FOLDER what pip would, by uv, which takes a fraction of the
# time; by pip where uv can't be had.
# usage: install.sh FOLDER PIP-ARGUMENT...
set -eu
python=$1/bin/python
shift
uv=$(mktemp -d)
trap 'rm -rf "$uv"' EXIT

# uv reads none of pip's settings.
setting() { "$python" -m pip config get "global.$1" 2>/dev/null || true; }
index=${PIP_INDEX_URL:-$(setting index-url)}
links=${PIP_FIND_LINKS:-$(setting find-links)}
certificates=${PIP_CERT:-$(setting cert)}
[ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
[ -z "$links" ] || export UV_FIND_LINKS="$links"
[ -z "$certificates" ] || export SSL_CERT_FILE="$certificates"

"$python" -m pip install --quiet --target "$uv" "$(grep '^uv==' requirements-dev.txt)" \
    && "$uv/bin/uv" pip install --quiet --python "$python" "$@" \
    || "$python" -m pip install --quiet "$@"
