#!/bin/sh
# Unpack a program that tests run, with the libraries that it wants beside it, into FOLDER.
# usage: fetch-server.sh [--needed] FOLDER PACKAGE...
# They are what this machine's apt offers: another suite's may want a newer libc than there is.
# --needed adds whatever they depend on that this machine has not.
set -eu
needed=
[ "$1" != --needed ] || { needed=$1; shift; }
folder=${1%/}
shift
# Everything happens beside FOLDER, so that an interruption leaves no half of it.
new=$folder.new
rm -rf "$new"
"$(dirname "$0")/apt-unpack.sh" $needed "$new" "$@"
rm -rf "$folder"
mv "$new" "$folder"
