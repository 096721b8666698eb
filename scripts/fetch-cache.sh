#!/bin/sh
# Unpack a Redis or Valkey of a suite of Debian into FOLDER, to run by FOLDER/server on any machine.
# usage: fetch-cache.sh FOLDER SUITE redis|valkey
# apt checks what it fetches against the hashes that Debian has signed for that suite.
set -eu
folder=${1%/}
suite=$2
name=$3
[ "$suite" = bookworm ] && ssl=libssl3 || ssl=libssl3t64
# Everything happens beside FOLDER, so that an interruption leaves no half of it.
new=$folder.new
rm -rf "$new"
# With the C library of its suite it needs none of this machine's.
"$(dirname "$0")/apt-unpack.sh" --suite "$suite" "$new" "$name-server" "$name-tools" libc6 \
    libgcc-s1 libstdc++6 libatomic1 libjemalloc2 liblzf1 "$ssl" libsystemd0 libcap2 libgcrypt20 \
    libgpg-error0 liblz4-1 liblzma5 libzstd1 zlib1g
cat >"$new/server" <<SERVER
#!/bin/sh
here=\$(dirname "\$0")
for libraries in "\$here"/usr/lib/*-linux-gnu* "\$here"/lib/*-linux-gnu*; do
    path=\${path:+\$path:}\$libraries
    [ ! -x "\$libraries"/ld-linux-*.so.* ] || loader=\$(echo "\$libraries"/ld-linux-*.so.*)
done
exec "\$loader" --library-path "\$path" "\$here/usr/bin/$name-server" "\$@"
SERVER
chmod +x "$new/server"
rm -rf "$folder"
mv "$new" "$folder"
