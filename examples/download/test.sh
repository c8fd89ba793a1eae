#!/usr/bin/env bash
# Downloads from a real server on the loopback, good and bad, and compares what arrives.
#
#   test.sh DOWNLOAD DOWNLOAD_POLLED FOLDER [CASE...]    all cases, or some; works in FOLDER. Ends with 77 if none could
#                                                        be tested.
set -u
slow="X-Speed: slow"  # a header that the server understands: 128 KB/s for each connection
set -m  # each program in the background has a process group of its own, and gets SIGINT
here=$(dirname "$(realpath "$0")")
source "$here/server.sh"
program=$(realpath "$1")
polled=$(realpath "$2")
work=$(realpath -m "$3")
shift 3

skip() { echo "skipped: $*"; exit 77; }
fail() {
  echo "FAILED: $*" >&2
  [[ -s errors ]] && sed 's/^/  stderr: /' errors >&2
  [[ -n ${started-} ]] && kill -KILL "$started" 2>/dev/null
  exit 1
}

# run CODE ARGUMENTS...: the program in the folder of the case; stderr goes to `errors`.
run() {
  local expected=$1 code=0
  shift
  "$program" "$@" >output 2>errors || code=$?
  [[ $code == "$expected" ]] || fail "ended with $code, not $expected: ${program##*/} $*"
}
same() { cmp "$1" "$2" >&2 || fail "$1 is not $2"; }
says() { grep -qE -- "$1" errors || fail "stderr doesn't say '$1'"; }
said() { grep -qE -- "$1" errors; }
nothing_left() { [[ -z $(find . -name '*.part*') ]] || fail "left behind: $(find . -name '*.part*')"; }
absent() { [[ ! -e $1 ]] || fail "$1 exists"; }

# requests COUNT REGEX: so many lines of the server's log match, which may come a little after the answer.
requests() {
  until_true enough_requests "$@"
  [[ $(grep -cE -- "$2" ../requests.log) == "$1" ]] || fail "$(grep -cE -- "$2" ../requests.log) requests '$2', not $1"
}
enough_requests() { [[ $(grep -cE -- "$2" ../requests.log) -ge $1 ]]; }

# Waits for a condition; one that has not come true after 100 s never will.
until_true() {
  local end=$((SECONDS + 100))
  until "$@" 2>/dev/null; do
    [[ $SECONDS -lt $end ]] || fail "this never became true: $*"
    sleep 0.02
  done
}
chunks_done() { [[ $(grep -c '^done ' "$1.part.state") -ge $2 ]]; }

# Starts the program in the background, with Ctrl-C as it is at a terminal.
start() {
  env --default-signal "$program" "$@" 2>errors &
  started=$!
}
ends_with() {
  local code=0
  wait $started 2>/dev/null || code=$?
  [[ $code == "$1" ]] || fail "ended with $code, not $1"
}

# Starts a download of 32 chunks in the background, and waits until 16 are complete. The server keeps the others back
# until `hold` is removed; then the connections that wait for them have to be given up.
start_half() {
  : >../hold
  start -j 8 --chunk 256K --timeout 1 --retries 30 "$url/big.bin"
  until_true chunks_done big.bin 16
}
start_half_and_kill() {
  start_half
  kill -KILL $started
  ends_with 137
  rm ../hold
}

# ── servers in a good mood ──

case_fast() {
  run 0 --chunk 1M "$url/big.bin"
  same big.bin ../www/big.bin
  says "saved big.bin"
  nothing_left
  requests 8 '^GET /big.bin 206 bytes='
}

case_slow() {
  run 0 -j 32 --chunk 256K --header "$slow" "$url/big.bin"
  same big.bin ../www/big.bin
  says "^big.bin: [0-9]+ %, .* MiB of 8.0 MiB, .*/s, .* left$"
}

case_quiet() {
  run 0 --quiet --chunk 1M "$url/big.bin" -o other.bin
  same other.bin ../www/big.bin
  [[ ! -s errors && ! -s output ]] || fail "not quiet"
}

case_terminal() {
  command -v script >/dev/null || skip "there is no 'script' to make a terminal"
  script -qec "'$program' --chunk 256K -j 32 --header '$slow' $url/big.bin" /dev/null >errors </dev/null || fail "ended with $?"
  same big.bin ../www/big.bin
  says 'big.bin \[=* *\] [0-9]+ %, .*/s, 0:0[0-9] left'
  says "saved big.bin"
}

case_small_and_empty() {
  run 0 "$url/small.txt"
  same small.txt ../www/small.txt
  run 0 "$url/empty"
  same empty ../www/empty
  run 0 --resume "$url/no_head/empty"
  same empty ../www/empty
  nothing_left
}

case_several() {
  mkdir into
  run 0 -o into "$url/big.bin" "$url/small.txt" "$url/whole/other.bin" "$url/empty"
  for name in big.bin small.txt other.bin empty; do same into/$name ../www/$name; done
  nothing_left
  run 8 --chunk 1M "$url/missing" "$url/small.txt" "$url/cut/small.txt"
  same small.txt ../www/small.txt
  says "/missing: the server answers 404 \(not found\)"
  says "small.txt would be written for another URL"
}

case_redirects() {
  run 0 "$url/moved/big.bin" -o moved.bin
  same moved.bin ../www/big.bin
  requests 2 '^(HEAD|GET) /moved'
  run 0 --header "X-Token: open sesame" "$url/moved/token/small.txt"
  same small.txt ../www/small.txt
  run 8 "$url/loop/big.bin"
  says "redirects"
}

case_password() {
  : >../hold
  start --chunk 256K -j 8 --timeout 1 --retries 30 "http://me:secret@127.0.0.1:$port/moved/private/big.bin"
  until_true chunks_done big.bin 16
  ! grep -q secret big.bin.part.state || fail "the password is in the state file"
  rm ../hold
  ends_with 0
  same big.bin ../www/big.bin
  run 8 "$url/private/big.bin" -o other.bin
  says "401"
}

case_header() {
  run 8 "$url/token/small.txt"
  says "403"
  run 0 --header "X-Token: open sesame" --header "X-Other: 1" "$url/token/small.txt"
  same small.txt ../www/small.txt
}

case_proxy() {
  run 0 --proxy "127.0.0.1:$port" "http://nowhere.invalid/big.bin"
  same big.bin ../www/big.bin
}

case_no_head() {
  run 0 --chunk 1M "$url/no_head/big.bin"
  same big.bin ../www/big.bin
  requests 9 '^GET /no_head/big.bin 206 bytes='
}

# ── names ──

case_names() {
  run 0 "$url/named/small.txt"
  same "a name.bin" ../www/small.txt
  run 3 "$url/named/small.txt"
  says "'a name.bin', which exists"
  mkdir -p deep/er
  cd deep/er || exit
  run 0 "$url/evil/small.txt"
  same evil_.bin ../../../www/small.txt
  run 0 "$url/x/%2e%2e%2fsmall.txt"
  same small.txt ../../../www/small.txt
  run 0 "$url/small.txt?x=/../y#/z"
  same small.txt ../../../www/small.txt
  cd ../.. || exit
  [[ -z $(find .. -name '*evil*' ! -path '*/deep/er/*') ]] || fail "a file outside of the folder"
}

# ── servers in a bad mood ──

case_flaky() {
  run 0 --chunk 512K --retries 30 "$url/flaky/big.bin"
  same big.bin ../www/big.bin
}

case_stall() {
  run 0 --chunk 512K --timeout 0.5 "$url/stall/big.bin" -j 8
  same big.bin ../www/big.bin
  says "nothing arrives any more; again in"
  run 4 --timeout 0.3 --retries 0 --chunk 1M "$url/stall/big.bin" -o never.bin
  says "^download: never.bin: nothing arrives any more"
  absent never.bin
}

case_cut() {
  run 0 --chunk 512K -j 16 "$url/cut/big.bin"
  same big.bin ../www/big.bin
  says "again in"
}

case_whole() {
  run 0 "$url/whole/big.bin"
  same big.bin ../www/big.bin
  requests 1 '^GET '
}

case_no_length() {
  run 0 "$url/chunked/big.bin" -o chunked.bin
  same chunked.bin ../www/big.bin
  run 0 "$url/close/big.bin" -o close.bin
  same close.bin ../www/big.bin
  nothing_left
}

case_no_marks() {  # whether chunks belong together could not be told
  run 0 --chunk 1M "$url/no_marks/big.bin"
  same big.bin ../www/big.bin
  requests 1 '^GET '
}

case_few_connections() {  # two at once
  : >../hold
  start -j 8 --chunk 1M --timeout 0.5 --retries 30 "$url/few/big.bin"
  until_true said "429 \(too many requests\); again in .*, with one connection less"
  rm ../hold
  ends_with 0
  same big.bin ../www/big.bin
}

case_retry_after() {
  run 0 "$url/later/small.txt"
  same small.txt ../www/small.txt
  says "503 \(service unavailable\); again in 2.0 s"
}

# ── stop and go on ──

# Goes on at full speed, and checks that the server was asked for no chunk that the state file named.
go_on() {
  local i done
  absent big.bin
  sed -n 's/^done //p' big.bin.part.state | head -n "${1:-99}" >state
  done=$(wc -l <state)
  [[ $done -lt 32 ]] || fail "it was complete: nothing to test"
  run 0 -j 8 --chunk 1M --resume --header "X-Run: 2" "$url/big.bin"
  same big.bin ../www/big.bin
  nothing_left
  requests $((32 - done)) '^GET .* 2$'
  for i in $(<state); do requests 0 " bytes=$((i * 256 * 1024))-[0-9]+ 2$"; done
}

case_kill() {
  start_half_and_kill
  complete=$(grep -c '^done ' big.bin.part.state)
  printf 'done 31' >>big.bin.part.state  # a line that was being written just then
  go_on $complete
}

case_kill_twice() {
  start_half_and_kill
  printf 'done 3' >>big.bin.part.state
  : >../hold
  start -j 16 --resume --chunk 256K "$url/big.bin"
  until_true grep -qx 'done 31' big.bin.part.state  # the only one that isn't held
  kill -KILL $started
  ends_with 137
  rm ../hold
  go_on
}

case_ctrl_c() {
  start_half
  kill -INT $started
  ends_with 130
  says "stopped; --resume goes on"
  rm ../hold
  go_on
}

case_sigterm() {
  start_half
  kill -TERM $started
  ends_with 143
  rm ../hold
  go_on
}

case_ctrl_c_while_it_waits() {
  start --retries 30 "http://127.0.0.1:$(free_port)/big.bin"
  until_true said "again in"
  kill -INT $started
  ends_with 130
  nothing_left
}

case_only_the_name_was_missing() {
  start_half_and_kill
  cp ../www/big.bin big.bin.part
  { sed '/^done/d' big.bin.part.state; printf 'done %d\n' {0..31}; } >state
  mv state big.bin.part.state
  run 0 --resume --header "X-Run: 2" "$url/big.bin"
  same big.bin ../www/big.bin
  nothing_left
  requests 0 '^GET .* 2$'
}

case_without_resume() {
  start_half_and_kill
  run 0 --chunk 1M -j 8 --header "X-Run: 2" "$url/big.bin"
  same big.bin ../www/big.bin
  requests 8 '^GET .* 2$'
}

case_broken_state() {
  local broken
  start_half_and_kill
  cp big.bin.part.state good
  for broken in "" "done 99999999" "done x" "chunk 0" "length 5" "url http://127.0.0.1/other" "nonsense"; do
    head -c 8M /dev/zero >big.bin.part
    if [[ $broken ]]; then { cat good; echo "$broken"; } >big.bin.part.state; else : >big.bin.part.state; fi
    run 0 --chunk 1M --resume "$url/big.bin"
    same big.bin ../www/big.bin
    rm big.bin
  done
  cp good big.bin.part.state
  : >big.bin.part
  run 0 --chunk 1M --resume -j 8 "$url/big.bin"
  same big.bin ../www/big.bin
  nothing_left
}

replace_on_server() {  # another file of the same length and a later date
  head -c 8M /dev/urandom >../new.bin
  touch -d "2030-01-01 00:00:00" ../new.bin
  mv ../new.bin ../www/big.bin
}

case_changed_between_runs() {
  start_half_and_kill
  replace_on_server
  run 0 --chunk 1M -j 8 --resume "$url/big.bin"
  same big.bin ../www/big.bin
  says "nothing to resume; starts at the beginning"
}

case_changed_meanwhile() {
  start_half
  replace_on_server
  rm ../hold
  ends_with 0
  same big.bin ../www/big.bin
  says "the file has changed on the server; starts again"
  nothing_left
}

case_shorter_meanwhile() {
  start_half
  head -c 100000 /dev/urandom >../new.bin
  mv ../new.bin ../www/big.bin
  rm ../hold
  ends_with 0
  same big.bin ../www/big.bin
  nothing_left
}

case_gone_meanwhile() {
  start_half
  rm ../www/big.bin ../hold
  ends_with 8
  says "^download: big.bin: the server answers 404"
  absent big.bin
}

case_two_at_once() {
  start_half
  mv errors errors-of-the-first  # which goes on writing there
  run 3 "$url/big.bin"
  says "another program writes big.bin.part"
  rm ../hold
  ends_with 0
  same big.bin ../www/big.bin
}

# ── what can't work ──

case_disk_full() {
  mkdir disk
  mount -t tmpfs -o size=3m none disk 2>/dev/null || skip "no right to mount a small disk"
  trap "kill $server; umount -l '$PWD/disk'" EXIT
  run 3 --chunk 512K "$url/big.bin" -o disk/big.bin
  says "^download: big.bin: can't write disk/big.bin.part: No space left on device"
  absent disk/big.bin
  run 3 "$url/whole/big.bin" -o disk/whole.bin
  absent disk/whole.bin
  absent disk/whole.bin.part
  mount -o remount,size=20m disk
  run 0 --resume "$url/big.bin" -o disk/big.bin
  same disk/big.bin ../www/big.bin
  umount disk
  trap 'kill $server' EXIT
}

case_unwritable() {
  run 3 "$url/small.txt" -o nowhere/small.txt
  says "can't write nowhere/small.txt.part: No such file or directory"
  : >file
  run 3 "$url/small.txt" -o file/small.txt
  says "can't write"
  mkdir small.txt
  run 3 "$url/small.txt"
  says "small.txt is a directory"
  run 3 "$url/small.txt" -o /dev/null
  says "/dev/null is no regular file"
  [[ -c /dev/null ]] || fail "/dev/null is no device any more"
  if [[ $(id -u) != 0 ]]; then
    mkdir locked && chmod 555 locked
    run 3 "$url/small.txt" -o locked/small.txt
    says "Permission denied"
  fi
}

case_no_server() {
  run 4 --retries 1 "http://127.0.0.1:$(free_port)/x"
  says "again in"
  says "^download: http://127.0.0.1.*onnect"
  run 4 --retries 0 "http://nowhere.invalid/x"
  says "esolve"
  nothing_left
}

case_not_found() {
  run 8 "$url/missing"
  says "^download: $url/missing: the server answers 404 \(not found\)$"
  requests 2 '/missing'
  [[ -z $(find . -name 'missing*') ]] || fail "a file was made"
}

case_bad_arguments() {
  run 2
  says "URL"
  says "Try 'download --help'"
  local wrong
  for wrong in "-j 0" "-j x" "-j 257" "--chunk 5" "--chunk x" "--timeout 0" "--timeout -1" "--retries -1" "--header nocolon" \
    "--unknown" "-o" "ftp://127.0.0.1/x" "/etc/passwd" "-o file $url/empty"; do
    run 2 $wrong "$url/small.txt"
    says "^download: "
    [[ $(wc -l <errors) == 2 ]] || fail "more than two lines"
  done
  absent small.txt
  run 0 --help
  grep -q "130" output || fail "--help doesn't tell the exit codes"
}

case_certificate() {
  [[ $tls_port ]] || skip "there is no openssl to make a certificate"
  run 5 "https://localhost:$tls_port/small.txt"
  says "^download: https://localhost:.*certificate"
  absent small.txt
  run 0 --insecure --chunk 1M "https://localhost:$tls_port/big.bin"
  same big.bin ../www/big.bin
}

# ── the other program, whose main asks for the progress again and again ──

came() { grep -qE "^$1 bytes came; [0-9]+ of [0-9]+ looks were in vain" output || fail "it doesn't say that $1 bytes came"; }

case_polled() {
  program=$polled
  run 0 "$url/slow/big.bin"
  came "$(stat -c %s ../www/big.bin)"
  grep -qE " [0-9]{3,} of [0-9]{3,} looks" output || fail "it had to ask but a few times: $(<output)"
  says "^big.bin: [0-9]+ %, .* MiB of 8.0 MiB, .*/s, .* left$"
  run 0 "$url/moved/big.bin"
  came "$(stat -c %s ../www/big.bin)"
  run 0 "$url/chunked/small.txt"
  came 6
  run 0 "$url/empty"
  came 0
}

case_polled_terminal() {
  command -v script >/dev/null || skip "there is no 'script' to make a terminal"
  script -qec "'$polled' $url/slow/big.bin" /dev/null >errors </dev/null || fail "ended with $?"
  says 'big.bin \[=* *\] [0-9]+ %, .*/s, 0:0[0-9] left'
  says "8388608 bytes came"
}

case_polled_fails() {
  program=$polled
  run 8 "$url/missing"
  says "^download_polled: the server answers 404 \(not found\)$"
  run 4 "$url/cut/big.bin"
  says "^download_polled: .*(remaining|missing)"  # as the version of libcurl says it
  [[ ! -s output ]] || fail "it says that all is well"
  run 4 "http://127.0.0.1:$(free_port)/x"
  says "^download_polled: .*onnect"
  run 2
  local wrong
  for wrong in "x y" "ftp://127.0.0.1/x" "/etc/passwd" "http://" "http://127.0.0.1:port/x" "''"; do
    run 2 $wrong
    says "^download_polled: "
  done
}

# ──

[[ $(find_nginx) ]] || skip "nginx is not installed (Debian: apt-get install nginx-light)"
[[ $# -gt 0 ]] || set -- $(sed -n 's/^case_\([a-z_0-9]*\)() .*/\1/p' "$0")
result=77
for name; do
  (
    umount -l "$work/$name/here/disk" 2>/dev/null  # of a run that was killed
    rm -rf "${work:?}/$name"
    mkdir -p "$work/$name/www" "$work/$name/here"
    cd "$work/$name" || exit
    head -c 8M /dev/urandom >www/big.bin
    head -c 3M /dev/urandom >www/other.bin
    head -c 1M /dev/urandom >www/small.bin
    echo "hello" >www/small.txt
    : >www/empty
    start_server . || exit
    url=http://127.0.0.1:$port
    cd here || exit
    unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
    "case_$name"
    cd ../.. && rm -rf "${name:?}"
  )
  case $? in
    0) echo "ok: $name"; [[ $result != 77 ]] || result=0 ;;
    77) ;;
    *) echo "FAILED: $name (see $work/$name)"; result=1 ;;
  esac
done
exit $result
