#!/bin/sh
# Build a control plane of Kubernetes from the Go module proxy into FOLDER/usr/bin: etcd,
# kube-apiserver, kube-controller-manager, kube-scheduler, and KWOK for nodes and pods.
# usage: build-kubernetes.sh FOLDER VERSION
# Twenty minutes on two cores, an hour on a busy one; what is there already is left as it is.
set -eu
mkdir -p "$1/usr/bin"
folder=$(cd "$1/usr/bin" && pwd)
version=$2
command -v go >/dev/null || { echo "build-kubernetes: go is not on PATH; install Go" >&2; exit 1; }
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
export GOFLAGS="-mod=mod -buildvcs=false"

# build MODULE VERSION BINARY PACKAGE [FLAGS...]: with the replacements that the module was made with
build() {
    module=$1 of=$2 binary=$3 package=$4
    shift 4
    [ ! -x "$folder/$binary" ] || return 0
    echo "building $binary $of"
    mkdir -p "$sources/$module"
    cd "$sources/$module"
    go_mod=$(go mod download -json "$module@$of" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
    # A module of our own that needs this one, since only the main module's replacements count.
    # Folders of the repository are modules of their own at the proxy.
    sed -e 's/^module .*/module built/' -e "s#=> ./staging/src/\(.*\)#=> \1 v0.${of#v1.}#" \
        -e '/=> \.\.\//d' "$go_mod" >go.mod
    go mod edit -require "$module@$of"
    printf 'package built\n\nimport _ "%s"\n' "$package" >built.go
    go build -trimpath -o "$folder/$binary" "$@" "$package"
}

stamp=k8s.io/component-base/version
# Without its minor version the API server does not start.
minor=${version#1.} minor=${minor%%.*}
flags="-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor"
for each in kube-apiserver kube-controller-manager kube-scheduler; do
    build k8s.io/kubernetes "v$version" "$each" "k8s.io/kubernetes/cmd/$each" -ldflags "$flags"
done
build go.etcd.io/etcd/server/v3 v3.6.16 etcd go.etcd.io/etcd/server/v3
build sigs.k8s.io/kwok v0.8.0 kwok sigs.k8s.io/kwok/cmd/kwok
