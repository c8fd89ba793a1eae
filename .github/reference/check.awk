# Whether the reference says what it must, by Doxygen's XML: awk -f check.awk build/docs/xml/*.xml
#
# Every public name has a first sentence. A function that may throw says what, one that may wait says when: in its own
# comment, in its class's, or in a fellow's. Fellows are overloads and the forms `x`, `try_x`, `x_for` and `x_until`; who
# has fellows with a time limit may wait. Where one of them is noexcept, only the clock can throw. A comment that begins
# with `The same` or `As` refers to another that is checked itself.

function inside(line) {
  gsub(/^[^>]*>|<[^>]*>|^ +| +$/, "", line)
  return line
}
function stem(name) {
  sub(/^try_/, "", name)
  sub(/_(for|until)$/, "", name)
  return name
}
function complain(what) {
  print "reference: " place "::" what > "/dev/stderr"
  ++complaints
}
function judge(   i, s) {
  if (place ~ /^$|^std::|_error$/) return  # an exception's constructors only make its text
  for (i = 1; i <= functions; ++i) {
    s = stem(f_name[i])
    if (f_sure[i] || f_refers[i]) continue
    if (!said[" Throws"] && !said[s " Throws"] && !(sure[s] && f_name[i] ~ /_(for|until)$/)) {
      complain(f_name[i] f_args[i] ": may throw, but does not say what")
    }
  }
  for (s in timed) {
    if (!said[" Blocks"] && !said[s " Blocks"]) complain(s ": has a form with a time limit, but does not say when it waits")
  }
}

FNR == 1 { judge(); place = "" ; delete said; delete sure; delete timed; functions = 0; member = 0; checked = 0 }
/<compounddef / { checked = /kind="(class|struct)" .*prot="public"|kind="namespace"/; brief = "" }
!checked { next }
/<compounddef / { match($0, /id="[^"]*"/); id = substr($0, RSTART, RLENGTH - 1) }
/<compoundname>/ { place = inside($0) }
/<memberdef / {
  member = 1
  public = /prot="public"/ && index($0, id "_1") != 0  # else it is inherited
  is_function = /kind="function"/
  noexcept = /noexcept="yes"/
  name = args = brief = ""
}
/<name>/ && member && name == "" { name = inside($0) }
/<argsstring>/ { args = inside($0) }
/<briefdescription>/ { in_brief = 1; next }
/<\/briefdescription>/ { in_brief = 0 }
in_brief { brief = brief $0 }
/<title>/ {
  heading = $0
  gsub(/^.*<title>|<\/title>.*$/, "", heading)
  if (!member) said[" " heading] = 1
  if (member && public) said[stem(name) " " heading] = 1
}
/<\/memberdef>/ {
  member = 0
  if (!public || args ~ /=default|=delete/) next
  if (brief == "" && place !~ /_error$/) complain(name args ": has no first sentence")
  if (!is_function || name ~ /^~/) next
  f_name[++functions] = name
  f_args[functions] = args
  f_sure[functions] = noexcept
  f_refers[functions] = inside(brief) ~ /^(The same|As )/
  if (noexcept) sure[stem(name)] = 1
  if (name ~ /_(for|until)$/) timed[stem(name)] = 1
}
END {
  judge()
  exit complaints != 0
}
