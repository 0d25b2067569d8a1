#!/usr/bin/env bash
# Builds Jaeger v2 from its Go module into build/jaeger/ (some minutes the first time, nothing afterwards).
#
# Go knows Jaeger's releases 2.x by the tags 1.x of the same commits: v1.76.0 is 2.13.0. Its go.mod replaces
# a module, which `go install MODULE@VERSION` refuses, so it is built in its own folder, as its makers do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

module=github.com/jaegertracing/jaeger
tag=v1.76.0
version=2.13.0
sum=h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=
program=$PWD/build/jaeger/jaeger-$version

if [[ -x $program ]]; then
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "Building Jaeger needs Go 1.24.6 or newer (https://go.dev/dl). Without it, take the image:" >&2
  echo "  docker run --rm -p 16686:16686 -p 4317:4317 -p 4318:4318 jaegertracing/jaeger:$version" >&2
  exit 3
fi

field() { sed -n "s/^\t\"$1\": \"\(.*\)\".*/\1/p" <<<"$about"; }
about=$(go mod download -json "$module@$tag")
if [[ $(field Sum) != "$sum" ]]; then
  echo "$module@$tag is not what it was when this script was written: $(field Sum) instead of $sum" >&2
  exit 1
fi

echo "Building Jaeger $version (a few minutes the first time) ..."
mkdir -p "$(dirname "$program")"
# Under another name until it is whole: a build that was cut off must not be taken for one.
CGO_ENABLED=0 go build -C "$(field Dir)" -trimpath -buildvcs=false \
  -ldflags "-s -w -X $module/internal/version.latestVersion=v$version" -o "$program.part" ./cmd/jaeger
mv "$program.part" "$program"
