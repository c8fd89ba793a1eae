#!/usr/bin/env bash
# Shows the programs on real downloads, from a server that is started here: demo.sh DOWNLOAD DOWNLOAD_POLLED FOLDER
set -eu
source "$(dirname "$(realpath "$0")")/server.sh"
[[ $(find_nginx) ]] || { echo "skipped: there is no nginx to download from (Debian: apt-get install nginx-light)"; exit; }
download=$(realpath "$1")
polled=$(realpath "$2")
rm -rf "$3"
mkdir -p "$3/www"
cd "$3"
head -c 24M /dev/urandom >www/big.bin
head -c 5M /dev/urandom >www/other.bin
start_server .

show() { printf '$ %s' "${1##*/}"; printf ' %q' "${@:2}"; printf '\n'; "$@"; }

show "$download" --header "X-Speed: slow" --chunk 512K -j 24 "http://127.0.0.1:$port/big.bin"  # 128 KB/s for each connection
show "$download" --retries 20 "http://127.0.0.1:$port/flaky/other.bin"  # some requests fail
for name in big.bin other.bin; do cmp $name www/$name && echo "$name is what the server has"; done
show "$polled" "http://127.0.0.1:$port/slow/other.bin"  # 2 MB/s; its progress is asked for again and again
