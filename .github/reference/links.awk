# Doxygen's view of a page: in its tables the code that begins with a class, such as `mutex` or `queue<T>(n)`, becomes a link.
BEGIN {
  split("barrier bounded_semaphore broken_barrier_error broken_pool_error broken_promise_error cancelled_error condition " \
        "event future lifo_queue mutex periodic_timer permit pool_shutdown_error priority_queue promise queue " \
        "queue_shutdown_error recursive_mutex semaphore thread thread_info thread_pool timeout_error timer usage_error",
        names, " ")
  for (i in names) is_class[names[i]] = 1
}
/^\|/ {
  n = split($0, parts, "`")
  $0 = parts[1]
  for (i = 2; i <= n; ++i) {
    name = parts[i]
    sub(/[<( :].*$/, "", name)
    if (i % 2 == 1) {
      $0 = $0 parts[i]
    } else if (name in is_class) {
      gsub(/</, "\\&lt;", parts[i])
      gsub(/>/, "\\&gt;", parts[i])
      $0 = $0 "<code>@ref spool::" name " \"" parts[i] "\"</code>"
    } else {
      $0 = $0 "`" parts[i] "`"
    }
  }
}
{ print }
