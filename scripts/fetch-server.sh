#!/bin/sh
# Unpack a server that tests run, with the libraries that it wants beside it, into FOLDER.
# usage: fetch-server.sh FOLDER PACKAGE...
# They are what this machine's apt offers: another suite's may want a newer libc than there is.
set -eu
folder=${1%/}
shift
# Everything happens beside FOLDER, so that an interruption leaves no half of it.
new=$folder.new
rm -rf "$new"
"$(dirname "$0")/apt-unpack.sh" "$new" "$@"
rm -rf "$folder"
mv "$new" "$folder"
