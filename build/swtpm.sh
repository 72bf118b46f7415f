#!/bin/sh
# Sees to it that the software TPM is there which enclave/attest is tested
# against: Debian's swtpm, a TPM 2.0 in a process, and swtpm-tools, which has its
# endorsement key certified. Nothing of ours links it; no product needs it.
#
#   build/swtpm.sh             install it if it is missing
#   build/swtpm.sh --check     say whether it is there
set -eu
packages="swtpm swtpm-tools gnutls-bin"

missing() {
	for tool in swtpm swtpm_setup swtpm_localca certtool; do
		command -v "$tool" >/dev/null || { echo "$tool"; return; }
	done
}

case "${1:-}" in
"" | --check) ;;
*)
	echo "usage: build/swtpm.sh [--check]" >&2
	exit 2
	;;
esac

tool=$(missing)
[ -n "$tool" ] || exit 0
if [ "${1:-}" = --check ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "there is no $tool: run as root: apt-get install -y --no-install-recommends $packages" >&2
	exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086 # a list
apt-get install -qq -y --no-install-recommends $packages
tool=$(missing)
[ -z "$tool" ] || { echo "there is still no $tool" >&2; exit 1; }
