#!/bin/sh
# make.sh ROOT [OUT]: writes the messages of ROOT/sdk/proto/*.proto to OUT (default: beside this file), where hello.py finds them.
set -eu
root=$1
out=${2:-$(dirname "$0")}
mkdir -p "$out/gen"
protoc -I "$root" --python_out="$out/gen" --grpc_python_out="$out/gen" --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" "$root"/sdk/proto/*.proto
