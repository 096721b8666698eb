#!/bin/sh
# Run the tests of caches on servers of several suites of Debian, one after the other.
# usage: test-cache.sh PYTEST "SUITE/redis SUITE/valkey..." [TEST...]
set -eu
pytest=$1
caches=$2
shift 2
summary=
failed=0
for cache in $caches; do
    suite=${cache%/*}
    name=${cache#*/}
    tools=.tools-cache-$name-$suite
    [ -d "$tools" ] || {
        echo "fetching the $name of $suite into $tools"
        scripts/fetch-cache.sh "$tools" "$suite" "$name"
    }
    version=$("$tools/server" --version | sed 's/ server v=\([^ ]*\).*/ \1/')
    echo "=== $suite: $version"
    if FEATUREWATCH_CACHE=$PWD/$tools/server CACHE_KEYS=60000 "$pytest" "$@"; then
        verdict=passed
    else
        verdict=FAILED
        failed=1
    fi
    summary="$summary$suite: $version: $verdict
"
done
printf '\n%s' "$summary"
exit $failed
