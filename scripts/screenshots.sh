#!/bin/sh
# Take the pictures of docs/console.md: a made-up hour on call, in Debian's chromium.
# usage: screenshots.sh [FOLDER]; without one they go to docs/screenshots
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH=$root/tests:$root:$root/examples "$root/.venv/bin/python" -m receiver.console.screenshots \
    "${1:-$root/docs/screenshots}"
