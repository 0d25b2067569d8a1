#!/bin/sh
# Generates the stubs from the protos into build/clients/ruby.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build/clients/ruby
grpc_tools_ruby_protoc -I protos --ruby_out=build/clients/ruby --grpc_out=build/clients/ruby protos/amira/asr/v1/*.proto
