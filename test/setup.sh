#!/usr/bin/env bash
# Installs Debian's mail clients that the tests in test/interop use. As root, on Debian; what is there is left alone.
set -euo pipefail
packages=(swaks curl msmtp isync fetchmail python3 pflogsumm fail2ban procps openssl ca-certificates
  libauthen-sasl-perl libdigest-hmac-perl libnet-ssleay-perl libio-socket-ssl-perl)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo 'setup: all clients are there'
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "setup: missing: ${missing[*]} (run this as root on Debian, or install them)" >&2
  exit 1
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
