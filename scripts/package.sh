#!/usr/bin/env bash
# Builds Debian packages: package.sh FOLDER ARCHITECTURE... writes FOLDER/sipcause_VERSION_ARCHITECTURE.deb.
# The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?folder}
shift
mkdir -p "$out"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false

described=$(git describe --tags --always --dirty 2>/dev/null || echo unknown)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

# Debian versions begin with a digit: v1.2.3 is 1.2.3, four commits later 1.2.3+4.gABCDEF; without a tag 0~SECONDS.ABCDEF.
case $described in
	v[0-9]*) VERSION=$(sed -e 's/^v//' -e 's/-\([0-9]*\)-g/+\1.g/' -e 's/-dirty$/+dirty/' -e 's/-/~/g' <<<"$described") ;;
	*) VERSION=0~$SOURCE_DATE_EPOCH.${described/-dirty/+dirty} ;;
esac
export VERSION

build() { # architecture, file; empty: of this machine
	GOOS=${1:+linux} GOARCH=$1 go build -trimpath -ldflags "-s -w -X sipcause/internal/cli.Version=$described" -o "$2" ./cmd/sipcause
}

build "" "$stage/here"
mkdir "$stage/man" "$stage/completion"
"$stage/here" man "$stage/man"
gzip -9n "$stage"/man/*.1
for shell in bash zsh fish; do "$stage/here" completion $shell >"$stage/completion/sipcause.$shell"; done
gzip -9nc CHANGELOG.md >"$stage/NEWS.gz"
# The form that Debian's tools read; what has changed is in NEWS.
printf 'sipcause (%s) unstable; urgency=medium\n\n  * See NEWS.gz.\n\n -- The sipcause authors <sipcause@example.org>  %s\n' \
	"$VERSION" "$(date -uRd "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$stage/changelog.gz"

for ARCH in "$@"; do
	export ARCH STAGE=$stage/$ARCH
	mkdir "$STAGE"
	build "$ARCH" "$STAGE/sipcause"
	cp -r "$stage/man" "$stage/completion" "$stage"/*.gz "$STAGE"
	find "$STAGE" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
	go tool -modfile=tools/go.mod nfpm package --packager deb --config packaging/nfpm.yaml --target "$out/sipcause_${VERSION}_$ARCH.deb"
done
