#!/bin/sh
# Unpack Debian packages into a folder: no root, nothing installed, no service started.
# usage: apt-unpack.sh FOLDER PACKAGE...
set -eu
folder=$1
shift
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    echo "apt-unpack: needs apt-get and dpkg-deb (Debian or Ubuntu); install by hand: $*" >&2
    exit 1
}
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/apt/debs"
folder=$(cd "$folder" && pwd)
# A state of our own keeps the machine's package lists and locks untouched.
private="-o Dir::State=$folder/apt -o Dir::State::lists=$folder/apt/lists \
  -o Dir::Cache=$folder/apt/cache -o Dir::State::status=/var/lib/dpkg/status \
  -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Retries=3"
# Hooks of the machine's apt may complain that they can't touch its caches: heard on failure only.
quietly() { "$@" 2>"$folder/apt/errors" || { cat "$folder/apt/errors" >&2; exit 1; }; }
cd "$folder/apt/debs"
# shellcheck disable=SC2086  # the options are meant to split
quietly apt-get $private -qq update
# shellcheck disable=SC2086
quietly apt-get $private -qq download "$@"
for package in *.deb; do dpkg-deb -x "$package" "$folder"; done
rm -rf "$folder/apt"
