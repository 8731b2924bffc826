#!/usr/bin/env bash
# Starts a real registry on loopback in the foreground, for tests of every language:
#
#   registry_serve.sh KIND DIRECTORY PORT
#
# KIND        plain     docker-registry without authentication
#             htpasswd  … with user "tester", password "right-password"
#             tls       … with a certificate for localhost; its CA is DIRECTORY/ca.pem
#             distribution, distribution-htpasswd, distribution-tls   the same with distribution 3
#             crane     `crane registry serve`, which has the referrers API
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
  tls)
    openssl=$(need openssl)
    cd "$directory"
    "$openssl" req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=Test CA" 2> openssl.log
    "$openssl" req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj "/CN=localhost" 2>> openssl.log
    "$openssl" x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 \
      -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1') 2>> openssl.log
    printf '  tls: { certificate: %s, key: %s }\n' "$directory/server.pem" "$directory/server.key" >> "$config"
    ;;
  *)
    echo "registry_serve.sh: unknown kind $kind" >&2
    exit 2
    ;;
esac
exec > "$directory/log" 2>&1
exec "$registry" serve "$config"
