#!/usr/bin/env bash
# Installs the servers the tests run on, where there is no Docker engine: redis-server and etcd, by apt.
# Idempotent, and fast when all is there. The services are not started: the tests start their own servers.
set -euo pipefail

POLICY=/usr/sbin/policy-rc.d
as_root=()
keeping=''

say() { printf 'testbed: %s\n' "$*"; }
refuse() {
  printf 'testbed: %s\n' "$*" >&2
  exit 1
}

# Each server: the command that shows it is there, and the package that brings it.
missing_packages() {
  command -v redis-server >/dev/null || echo redis-server
  command -v etcd >/dev/null || echo etcd-server
}

become_root() {
  [[ $EUID -eq 0 ]] && return
  if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
    refuse "installing $* needs root, and sudo without a password is not there. Install them by hand, or run this as root."
  fi
  as_root=(sudo -n)
}

# While packages are installed, a policy that exits 101 keeps apt from starting their services on the usual ports.
forbid_services() {
  keeping=$(mktemp -d)
  trap allow_services EXIT
  if [[ -e $POLICY ]]; then "${as_root[@]}" cp -a "$POLICY" "$keeping/former"; fi
  printf '#!/bin/sh\nexit 101\n' >"$keeping/none"
  "${as_root[@]}" install -m 755 "$keeping/none" "$POLICY"
}

allow_services() {
  if [[ -e $keeping/former ]]; then
    "${as_root[@]}" cp -a "$keeping/former" "$POLICY"
  else
    "${as_root[@]}" rm -f "$POLICY"
  fi
  "${as_root[@]}" rm -rf "$keeping"
}

install_packages() {
  command -v apt-get >/dev/null ||
    refuse "$* are missing and there is no apt-get here. Install them another way, or give their addresses in the environment (INFRA_TEST_REDIS_URL, INFRA_TEST_ETCD_ENDPOINTS)."
  become_root "$@"
  say "installing $* by apt-get, services not started"
  forbid_services
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

mapfile -t missing < <(missing_packages)
if [[ ${#missing[@]} -gt 0 ]]; then install_packages "${missing[@]}"; fi

mapfile -t missing < <(missing_packages)
if [[ ${#missing[@]} -gt 0 ]]; then refuse "apt-get ended well, and yet these are not there: ${missing[*]}"; fi
say "redis-server and etcd are there"
