#!/bin/sh
# Unpack Debian's Prometheus and Alertmanager into FOLDER, ready to run from there.
# usage: fetch-tools.sh FOLDER [SUITE [PACKAGE...]]
# They are what this machine's apt offers, or what SUITE of Debian does (bookworm, trixie, sid).
# PACKAGEs are unpacked beside them.
set -eu
folder=${1%/}
suite=${2:-}
shift $(($# < 2 ? $# : 2))
# Everything happens beside FOLDER, so that an interruption leaves no half of it.
new=$folder.new
unpack() { "$(dirname "$0")/apt-unpack.sh" ${suite:+--suite "$suite"} "$new" "$@"; }
rm -rf "$new"
unpack prometheus prometheus-alertmanager "$@"
# Newer releases ship promtool by itself.
[ -x "$new/usr/bin/promtool" ] || unpack promtool
# Debian's builds look for their pages and default templates in /usr/share/prometheus. A relative
# path of the same length makes them look below their working folder, so they must start in FOLDER.
LC_ALL=C sed -i \
    -e 's#/usr/share/prometheus/alertmanager#usr/share/prometheus/alertmanager/#g' \
    -e 's#/usr/share/prometheus/web/#usr/share/prometheus/web//#g' \
    "$new/usr/bin/prometheus" "$new/usr/bin/prometheus-alertmanager"
rm -rf "$folder"
mv "$new" "$folder"
