#!/usr/bin/env bash
# Starts a real registry on loopback in the foreground, for tests of every language:
#
#   registry_serve.sh KIND DIRECTORY PORT
#
# KIND        plain     docker-registry without authentication
#             htpasswd  … with user "tester", password "right-password"
#             tls       … with a certificate for localhost; its CA is DIRECTORY/ca.pem
#             tls-expired, tls-wrong-name, tls-client   … whose certificate has run out, or is for another name, or
#                       that wants one of the client's: DIRECTORY/client.pem and client.key
#             token     … with a token server of its own, see token_server.py; TOKEN_LIFE_S is the life of a token
#             distribution, distribution-KIND   the same with distribution 3
#             crane     `crane registry serve`; like the others it has no referrers API
# DIRECTORY   empty or new; holds configuration, content and the log
# Exit code 77: the program is not installed.
set -euo pipefail

kind=$1 directory=$2 port=$3
mkdir -p "$directory/content"

need() {
  command -v "$1" || {
    echo "registry_serve.sh: $1 is not installed (tests/run.sh installs it)" >&2
    exit 77
  }
}

if [ "$kind" = crane ]; then
  crane=$(need crane)
  exec > "$directory/log" 2>&1
  exec "$crane" registry serve --disk "$directory/content" --address "127.0.0.1:$port"
fi

program=docker-registry
case $kind in
  distribution) program=registry kind=plain ;;
  distribution-*) program=registry kind=${kind#distribution-} ;;
esac
registry=$(need "$program")
export OTEL_TRACES_EXPORTER=none # distribution 3 looks for a collector otherwise
config=$directory/config.yml
cat > "$config" <<YAML
version: 0.1
log: { level: error, accesslog: { disabled: ${REGISTRY_ACCESS_LOG_OFF:-true} } }
storage:
  filesystem: { rootdirectory: $directory/content }
  delete: { enabled: true }
http:
  addr: 127.0.0.1:$port
YAML

case $kind in
  plain) ;;
  htpasswd)
    htpasswd=$(need htpasswd)
    "$htpasswd" -Bbn tester right-password > "$directory/htpasswd"
    printf 'auth:\n  htpasswd: { realm: tests, path: %s }\n' "$directory/htpasswd" >> "$config"
    ;;
  tls | tls-expired | tls-wrong-name | tls-client)
    openssl=$(need openssl)
    cd "$directory"
    days=2 names='DNS:localhost,DNS:registry.test,IP:127.0.0.1'
    [ "$kind" = tls-expired ] && days=-1
    [ "$kind" = tls-wrong-name ] && names=DNS:other.example
    "$openssl" req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=Test CA" 2> openssl.log
    issue() { # NAME SUBJECT DAYS EXTENSIONS
      "$openssl" req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>> openssl.log
      "$openssl" x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -out "$1.pem" -days "$3" \
        -extfile <(printf '%s' "$4") 2>> openssl.log
    }
    issue server localhost "$days" "subjectAltName=$names"
    printf '  tls:\n    certificate: %s\n    key: %s\n' "$directory/server.pem" "$directory/server.key" >> "$config"
    if [ "$kind" = tls-client ]; then
      issue client tester 2 extendedKeyUsage=clientAuth
      printf '    clientcas: [%s]\n' "$directory/ca.pem" >> "$config"
    fi
    ;;
  token)
    openssl=$(need openssl) python=$(need python3)
    "$openssl" req -x509 -newkey rsa:2048 -nodes -keyout "$directory/token.key" -out "$directory/token.pem" -days 2 \
      -subj "/CN=Test tokens" 2> "$directory/openssl.log"
    "$python" "$(dirname "$0")/token_server.py" "$directory" "${TOKEN_LIFE_S:-300}" > "$directory/token.log" 2>&1 &
    for _ in $(seq 200); do
      [ -f "$directory/token_port" ] && break
      sleep 0.05
    done
    cat >> "$config" << YAML
auth:
  token:
    realm: http://127.0.0.1:$(cat "$directory/token_port")/token
    service: tests
    issuer: tests
    rootcertbundle: $directory/token.pem
YAML
    ;;
  *)
    echo "registry_serve.sh: unknown kind $kind" >&2
    exit 2
    ;;
esac
exec > "$directory/log" 2>&1
exec "$registry" serve "$config"
