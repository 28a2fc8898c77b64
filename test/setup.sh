#!/usr/bin/env bash
# Installs Debian's mail clients, Postfix, and DNS servers, that the tests in test/interop use. As root, on Debian; what is there is
# left alone. None of them is started: the tests make private instances, of Postfix without a configuration.
set -euo pipefail
packages=(libatomic1 neomutt bsdutils offlineimap3 imapfilter getmail6 libmail-imapclient-perl procmail swaks curl msmtp isync fetchmail python3 pflogsumm fail2ban procps openssl ca-certificates
  libauthen-sasl-perl libdigest-hmac-perl libnet-ssleay-perl libio-socket-ssl-perl
  knot unbound dovecot-core opendkim postfix sasl2-bin libsasl2-modules postfix-pcre postfix-lmdb postfix-cdb postfix-sqlite)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo 'setup: all are there'
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "setup: missing: ${missing[*]} (run this as root on Debian, or install them)" >&2
  exit 1
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# No service that comes with a package may take ports 25, 110, 143 … of this machine.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
