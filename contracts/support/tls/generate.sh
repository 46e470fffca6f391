#!/bin/sh
# Makes the certificates beside it. They are for loopback tests only; nobody trusts their authority.
# A certificate authority, and under it: good (localhost, 127.0.0.1, ::1), wrong (another name), expired. Self is alone.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/ca.cnf" <<EOF
[ca]
default_ca = test
[test]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
EOF
: > "$work/index"
echo 01 > "$work/serial"
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
FROM=20200101000000Z
TO=21200101000000Z
# name, its key, its extensions, the end of its validity, and who signs it
issue() {
  openssl req -new -key "$2" -subj "/CN=$1" -out "$work/$1.csr"
  printf '%b' "$3" > "$work/$1.ext"
  name=$1 end=$4
  shift 4
  openssl ca -batch -notext -config "$work/ca.cnf" "$@" -in "$work/$name.csr" -extfile "$work/$name.ext" \
    -startdate $FROM -enddate "$end" -out "$name.pem" 2>/dev/null
}
server() {
  key "$1.key.pem"
  issue "$1" "$1.key.pem" "subjectAltName = $2\nextendedKeyUsage = serverAuth\n" "$3" -cert ca.pem -keyfile "$work/ca.key"
}
key "$work/ca.key"
issue ca "$work/ca.key" "basicConstraints = critical,CA:TRUE\nsubjectKeyIdentifier = hash\n" $TO \
  -selfsign -keyfile "$work/ca.key"
server good "DNS:localhost,DNS:runtime.test,IP:127.0.0.1,IP:::1" $TO
server wrong "DNS:elsewhere.test" $TO
server expired "DNS:localhost,DNS:runtime.test,IP:127.0.0.1" 20200201000000Z
key self.key.pem
issue self self.key.pem "subjectAltName = DNS:localhost,IP:127.0.0.1\n" $TO -selfsign -keyfile self.key.pem
