#!/usr/bin/env bash
# Installs what the tests drive, where it is missing: Debian packages, by apt. Starts nothing.
set -euo pipefail

# command that must be there, and the package that brings it
needs=(
	"tshark tshark"
	"tcpdump tcpdump"
	"kamailio kamailio"
	"sipp sip-tester"
	"baresip baresip-core"
	"sngrep sngrep"
	"ip iproute2"
	"nft nftables"
	"nsenter util-linux"
	"gcc gcc"
	"curl curl"
	"promtool prometheus"
	"dpkg-deb dpkg"
	"systemd-analyze systemd"
)

PATH=$PATH:/usr/sbin:/sbin
missing=()
for need in "${needs[@]}"; do
	command -v "${need% *}" >/dev/null || missing+=("${need#* }")
done
# gcc is of use to the race detector only with the C library's headers
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
# Kamailio's TLS is a package of its own, without a command
ls /usr/lib/*/kamailio/modules/tls.so >/dev/null 2>&1 || missing+=(kamailio-tls-modules)
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}"
if ! command -v apt-get >/dev/null; then
	echo "deps: apt-get is not here; install these by hand: ${missing[*]}" >&2
	exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "deps: neither root nor sudo; run as root: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

# Packages with a service would start it; 101 says no (invoke-rc.d(8)). An existing policy is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '"${as_root[@]}" rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
	"${as_root[@]}" chmod 755 $policy
fi

apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null; }
apt update
apt install -y --no-install-recommends "${missing[@]}"
