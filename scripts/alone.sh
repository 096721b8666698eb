#!/bin/sh
# Run a command where there is no network but loopback, and end whatever it leaves behind.
# Ray listens on every address of the machine, whatever it is told; here there is only one.
# usage: alone.sh COMMAND...
set -eu
unshare --map-root-user --net true 2>/dev/null || {
    echo "alone: this machine allows no network namespaces (unshare --map-root-user --net)" >&2
    exit 1
}
exec unshare --map-root-user --net --pid --fork --kill-child --mount-proc \
    sh -c 'ip link set lo up && "$@"' alone "$@"
