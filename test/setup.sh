#!/usr/bin/env bash
# Installs what the tests in test/interop use: Debian's mail clients, Postfix and its neighbours, DNS servers. As root, on
# Debian; what is there is left alone. None of them is started: the tests make private instances.
set -euo pipefail
packages=(
  alpine
  amavisd-new
  bsdutils
  ca-certificates
  claws-mail
  curl
  dovecot-core
  dovecot-lmtpd
  dovecot-pop3d
  expect
  fail2ban
  fetchmail
  getmail6
  gsasl
  haproxy
  imapfilter
  iproute2
  isync
  knot
  libatomic1
  libauthen-sasl-perl
  libdigest-hmac-perl
  libio-socket-ssl-perl
  libmail-imapclient-perl
  libnet-ssleay-perl
  libsasl2-modules
  mariadb-server
  memcached
  msmtp
  neomutt
  nmap
  offlineimap3
  opendkim
  openssl
  pebble
  pflogsumm
  postfix
  postfix-cdb
  postfix-ldap
  postfix-lmdb
  postfix-mysql
  postfix-pcre
  postfix-pgsql
  postfix-sqlite
  postfwd
  postgresql
  postgrey
  procmail
  procps
  python3
  rspamd
  sasl2-bin
  slapd
  swaks
  testssl.sh
  thunderbird
  unbound
  uw-mailutils
  xdotool
  xvfb
)
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
