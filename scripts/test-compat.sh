#!/bin/sh
# Run the tests with the Prometheus and Alertmanager of each suite of Debian, one after the other.
# usage: test-compat.sh PYTEST "SUITE..." [TEST...]
set -eu
pytest=$1
suites=$2
shift 2
summary=
failed=0
for suite in $suites; do
    tools=.tools-$suite
    # The vmalert of bookworm does not know keep_firing_for.
    [ "$suite" = bookworm ] && more= || more=victoria-metrics
    [ -d "$tools" ] || {
        echo "fetching the programs of $suite into $tools"
        # shellcheck disable=SC2086  # none or one
        scripts/fetch-tools.sh "$tools" "$suite" $more
    }
    version() { "$tools/usr/bin/$1" --version 2>&1 | sed -n '1s/.*version \([0-9.]*\).*/\1/p'; }
    pair="Prometheus $(version prometheus) + Alertmanager $(version prometheus-alertmanager)"
    echo "=== $suite: $pair"
    if FEATUREWATCH_TOOLS=$tools "$pytest" "$@"; then
        verdict=passed
    else
        verdict=FAILED
        failed=1
    fi
    summary="$summary$suite: $pair: $verdict
"
done
printf '\n%s' "$summary"
exit $failed
