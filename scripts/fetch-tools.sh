#!/bin/sh
# Unpack Debian's Prometheus and Alertmanager into FOLDER, ready to run from there.
# usage: fetch-tools.sh FOLDER
set -eu
folder=${1%/}
# Everything happens beside FOLDER, so that an interruption leaves no half of it.
new=$folder.new
rm -rf "$new"
"$(dirname "$0")/apt-unpack.sh" "$new" prometheus prometheus-alertmanager
# Newer releases ship promtool by itself.
[ -x "$new/usr/bin/promtool" ] || "$(dirname "$0")/apt-unpack.sh" "$new" promtool
# Debian's builds look for their pages and default templates in /usr/share/prometheus. A relative
# path of the same length makes them look below their working folder, so they must start in FOLDER.
LC_ALL=C sed -i \
    -e 's#/usr/share/prometheus/alertmanager#usr/share/prometheus/alertmanager/#g' \
    -e 's#/usr/share/prometheus/web/#usr/share/prometheus/web//#g' \
    "$new/usr/bin/prometheus" "$new/usr/bin/prometheus-alertmanager"
rm -rf "$folder"
mv "$new" "$folder"
