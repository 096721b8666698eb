#!/bin/sh
# Build the clients of Go, Node.js and Java that make test-clients runs.
# usage: make-clients.sh FOLDER
set -eu
folder=${1%/}
programs=$(dirname "$0")/../tests/exporter_clients/programs
for tool in go npm mvn java; do
    command -v "$tool" >/dev/null || {
        echo "make-clients: $tool is not on PATH; install Go 1.25, Node.js 20, Java 17 and Maven" >&2
        exit 1
    }
done
# Everything happens beside FOLDER, so that an interruption leaves no half of it.
rm -rf "$folder.new"
mkdir -p "$folder.new/node"
new=$(cd "$folder.new" && pwd)
(cd "$programs/go" && go build -o "$new/go/client" .)
cp "$programs/node/package.json" "$new/node"
# Its optional part, for sockets of the file system, would have to be compiled.
npm install --prefix "$new/node" --silent --omit=optional --ignore-scripts --no-audit --no-fund \
    --no-package-lock
mvn --quiet --batch-mode --file "$programs/java/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$new/java"
rm -rf "$folder"
mv "$folder.new" "$folder"
