#!/usr/bin/env bash
# Shows the program on a real download, from a server that is started here: demo.sh PROGRAM FOLDER
set -eu
source "$(dirname "$(realpath "$0")")/server.sh"
[[ $(find_nginx) ]] || { echo "skipped: there is no nginx to download from (Debian: apt-get install nginx-light)"; exit; }
program=$(realpath "$1")
rm -rf "$2"
mkdir -p "$2/www"
cd "$2"
head -c 24M /dev/urandom >www/big.bin
head -c 5M /dev/urandom >www/other.bin
start_server .

show() { printf '$ download'; printf ' %q' "$@"; printf '\n'; "$program" "$@"; }

show --header "X-Speed: slow" --chunk 512K -j 24 "http://127.0.0.1:$port/big.bin"  # 128 KB/s for each connection
show --retries 20 "http://127.0.0.1:$port/flaky/other.bin"  # some requests fail
for name in big.bin other.bin; do cmp $name www/$name && echo "$name is what the server has"; done
