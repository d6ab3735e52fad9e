#!/bin/sh
# A certificate authority known to nobody and certificates for two made-up providers, for tests over real
# sockets. The key of the authority is thrown away. Run again only if these files are lost: `sh make.sh`.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
  -subj "/CN=Fairlead test authority for providers" -keyout authority.key -out authority.pem \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
for name in api.acme.example evil.example; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
    -keyout "$name.key" -out "$name.csr"
  printf '%s\n' "subjectAltName=DNS:$name" "basicConstraints=critical,CA:FALSE" \
    "keyUsage=critical,digitalSignature" "extendedKeyUsage=serverAuth" \
    "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid" > "$name.ext"
  openssl x509 -req -in "$name.csr" -CA authority.pem -CAkey authority.key -CAcreateserial -days 36500 \
    -extfile "$name.ext" -out "$name.pem"
done
rm -f authority.key authority.srl ./*.csr ./*.ext
