#!/bin/sh
# make.sh ROOT OUT: builds the driver OUT/hello_go from ROOT/sdk/proto/*.proto with Debian's Go packages, offline.
set -eu
root=$(cd "$1" && pwd)
out=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out/src/hello"
cp "$here"/*.go "$out/src/hello/"
packages=
for pair in base:base hclspec:hclspec shared:structs driver:drivers driver_task:drivers driver_types:drivers handshake:plugin health:health; do
  packages="$packages,Msdk/proto/${pair%%:*}.proto=hello/${pair##*:}"
done
protoc -I "$root" --go_out="$packages:$out/src" --go-grpc_out="$packages:$out/src" \
  $(for name in base hclspec shared driver driver_task driver_types handshake health; do echo "$root/sdk/proto/$name.proto"; done)
cd "$out/src/hello"
GO111MODULE=off GOFLAGS= GOPATH="$(cd "$out" && pwd):/usr/share/gocode" go build -p 1 -o "$out/hello_go" .
