# examples/download/server.sh · a web server with good and bad days, for the test and the demo (to be sourced by bash)
# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
#   start_server DIR    an nginx for this user alone, on a free port of the loopback, serves DIR/www; sets $port and, where
#                       there is openssl, $tls_port. It ends with the script. While there is a file DIR/hold, parts that
#                       begin between the bytes 4,000,000 and 7,999,999 arrive at one byte a second, after the first 4 KB.

find_nginx() { PATH=$PATH:/usr/sbin:/sbin command -v nginx; }

free_port() {
  local p
  for _ in {1..100}; do
    p=$((20000 + RANDOM % 12000))  # below those that the system gives out by itself
    (: </dev/tcp/127.0.0.1/$p) 2>/dev/null || { echo $p; return; }
  done
  return 1
}

start_server() {
  local dir tls=
  dir=$(realpath "$1")
  mkdir -p "$dir/www" "$dir/tmp"
  echo "me:{PLAIN}secret" >"$dir/passwords"
  if command -v openssl >/dev/null; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
      -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
    tls=1
  fi
  for _ in {1..5}; do  # another program may take the port first
    port=$(free_port) tls_port=${tls:+$(free_port)}
    write_nginx_conf "$dir" >"$dir/nginx.conf"
    rm -f "$dir/nginx.pid"
    timeout 300 "$(find_nginx)" -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log" &
    server=$!
    trap 'kill $server 2>/dev/null' EXIT
    while kill -0 $server 2>/dev/null; do
      [[ -s $dir/nginx.pid ]] && return  # written when it listens
      sleep 0.02
    done
  done
  echo "nginx doesn't start:" >&2
  cat "$dir/error.log" >&2
  return 1
}

write_nginx_conf() {
  local d=$1
  cat <<END
daemon off; master_process off; pid $d/nginx.pid; error_log $d/error.log warn;
events { worker_connections 256; }
http {
  log_format requests '\$request_method \$uri \$status \$http_range \$http_x_run';
  access_log $d/requests.log requests;
  default_type application/octet-stream; sendfile on;
  client_body_temp_path $d/tmp; proxy_temp_path $d/tmp; fastcgi_temp_path $d/tmp; uwsgi_temp_path $d/tmp; scgi_temp_path $d/tmp;
  split_clients "\$request_id" \$dice { 20% err; 10% drop; * ok; }
  limit_conn_zone \$binary_remote_addr zone=connections:1m;
  limit_req_zone \$binary_remote_addr zone=requests:1m rate=1r/s;
  map \$request_method \$no_head { HEAD 405; default 0; }
  map \$http_x_speed \$wished_rate { slow 128k; default 0; }  # the client says how fast it wants to be served
  map \$http_range \$held_rate { "~^bytes=[4-7]\d\d\d\d\d\d-" 1; default 0; }
  server {
    listen 127.0.0.1:$port; ${tls_port:+listen 127.0.0.1:$tls_port ssl; ssl_certificate $d/cert.pem; ssl_certificate_key $d/key.pem;}
    root $d/www;
    set \$rate \$wished_rate; if (-f $d/hold) { set \$rate \$held_rate; } limit_rate \$rate; limit_rate_after 4k;  # of each connection
    location /flaky/    { alias $d/www/; if (\$dice = err) { return 503; } if (\$dice = drop) { return 444; } }
    location /slow/     { alias $d/www/; limit_rate 2m; sendfile_max_chunk 128k; }
    location /stall/    { alias $d/www/; limit_rate 1; limit_rate_after 256k; }    # 256 KB, then silence
    location /cut/      { proxy_pass http://127.0.0.1:$port/stall/; proxy_buffering off; proxy_read_timeout 1s; }
    location /whole/    { alias $d/www/; max_ranges 0; }                           # knows no ranges
    location /chunked/  { alias $d/www/; sub_filter_types *; sub_filter "0123456789 not there 9876543210" ""; }  # knows no length
    location /close/    { alias $d/www/; sub_filter_types *; sub_filter "0123456789 not there 9876543210" ""; chunked_transfer_encoding off; }
    location /few/      { alias $d/www/; limit_conn connections 2; limit_conn_status 429; }
    location /later/    { alias $d/www/; limit_req zone=requests; limit_req_status 503; error_page 503 @later; }
    location @later     { add_header Retry-After 2 always; return 503; }
    location /moved/    { rewrite ^/moved/(.*) /moved2/\$1 redirect; }
    location /moved2/   { rewrite ^/moved2/(.*) /\$1 permanent; }
    location /loop/     { return 302 /loop/again; }
    location /no_head/  { alias $d/www/; if (\$no_head) { return 405; } }
    location /no_marks/ { alias $d/www/; etag off; add_header Last-Modified ""; }
    location /named/    { alias $d/www/; add_header Content-Disposition 'attachment; filename="a name.bin"'; }
    location /evil/     { alias $d/www/; add_header Content-Disposition "attachment; filename=\"x\"; filename*=UTF-8''..%2F..%2Fevil%0A.bin"; }
    location /private/  { alias $d/www/; auth_basic "private"; auth_basic_user_file $d/passwords; }
    location /token/    { alias $d/www/; if (\$http_x_token != "open sesame") { return 403; } }
  }
}
END
}
