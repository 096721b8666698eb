#!/bin/sh
# Unpack Debian packages into a folder: no root, nothing installed, no service started.
# usage: apt-unpack.sh [--suite SUITE | --needed] FOLDER PACKAGE...
# They are what this machine's apt offers, or with --suite what that suite of Debian does. With
# --needed, whatever they depend on that this machine has not is unpacked beside them.
set -eu
script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
suite=
needed=
[ "$1" != --suite ] || { suite=$2; shift 2; }
[ "$1" != --needed ] || { needed=yes; shift; }
folder=$1
shift
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    echo "apt-unpack: needs apt-get and dpkg-deb (Debian or Ubuntu); install by hand: $*" >&2
    exit 1
}
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/apt/debs"
folder=$(cd "$folder" && pwd)
sources=$folder/apt/sources.list

# A state of our own keeps the machine's package lists and locks untouched. Hooks of its apt may
# complain that they can't touch its caches: heard on failure only.
private_apt() {
    if [ -n "$suite" ]; then
        set -- -o "Dir::Etc::sourcelist=$sources" -o Dir::Etc::sourceparts=- \
            -o Dir::Etc::preferences=- -o Dir::Etc::preferencesparts=- \
            -o APT::Default-Release= "$@"
    fi
    apt-get -qq -o "Dir::State=$folder/apt" -o "Dir::State::lists=$folder/apt/lists" \
        -o "Dir::Cache=$folder/apt/cache" -o Dir::State::status=/var/lib/dpkg/status \
        -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Retries=3 "$@" \
        2>"$folder/apt/errors" || { cat "$folder/apt/errors" >&2; exit 1; }
}

# The mirror from which this machine has Debian, or Debian's own address.
debian_mirror() {
    mirror=$(apt-get indextargets --format '$(ORIGIN)/$(LABEL) $(REPO_URI)' 2>/dev/null \
        | sed -n 's#^Debian/Debian ##p' | head -n 1)
    echo "${mirror:-http://deb.debian.org/debian}"
}

# Debian's keys: this machine's; or, on Ubuntu, those in the package that its own apt vouches for.
debian_keys() {
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    if [ ! -r "$keys" ]; then
        "$script" "$folder/keys" debian-archive-keyring >&2 || {
            echo "apt-unpack: nothing to check $suite with; install debian-archive-keyring" >&2
            exit 1
        }
        keys=$folder/keys$keys
    fi
    echo "$keys"
}

if [ -n "$suite" ]; then
    keys=$(debian_keys)
    echo "deb [signed-by=$keys] $(debian_mirror) $suite main" >"$sources"
fi
cd "$folder/apt/debs"
private_apt update
if [ "$needed" ]; then
    # What an installation would bring; simulated, so that it takes no root.
    plan=$(private_apt --simulate --no-install-recommends install "$@")
    # shellcheck disable=SC2046  # one word for each package
    set -- "$@" $(echo "$plan" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
fi
private_apt download "$@"
for package in *.deb; do dpkg-deb -x "$package" "$folder"; done
rm -rf "$folder/apt" "$folder/keys"
