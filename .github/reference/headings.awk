# Doxygen's view of a header: the comments are written for who reads the source, this adds the markup, line by line.
#
#   // spool/NAME.hpp · floor N · what it is      opens the header's own page, with the comment down to `#pragma once`
#   /// Heading  text                             a paragraph with a heading; `.      Returns  text` at a line's end, too
#   ///     code                                  after an empty line: a block of code
#     // ── a few words ──                          a group of members
#
# All else in a comment is plain text, but for `code`. Left out: copying that is deleted, as each class says so itself;
# what is protected, as nobody is meant to derive; constraints in words of detail/, which the comment explains; the
# inline namespace of the version.

function plain(text,   parts, n, i, all) {
  n = split(text, parts, "`")
  for (i = 1; i <= n; ++i) {
    if (i % 2 == 1) gsub(/[<>&*#%\\]/, "\\\\&", parts[i])
    all = all (i > 1 ? "`" : "") parts[i]
  }
  return all
}

function marked_up(text,   head, rest) {
  if (match(text, /  +(Returns|Throws|Units|Blocks|Complexity)  +/)) {
    head = substr(text, RSTART, RLENGTH)
    rest = substr(text, RSTART + RLENGTH)
    text = substr(text, 1, RSTART - 1)
    gsub(/ /, "", head)
    return marked_up(text) " @head{" head "} " plain(rest)
  }
  if (match(text, /^[A-Za-z_][^ ]*( [^ ]+)?  +/)) {
    head = substr(text, 1, RLENGTH)
    sub(/ +$/, "", head)
    return "@head{" plain(head) "} " plain(substr(text, RLENGTH + 1))
  }
  return plain(text)
}

function end_code() {
  if (in_code) print "/// @endcode"
  in_code = 0
}

NR == 1 {
  name = $2
  sub(/^.* · /, "")
  if (/^[a-z]+ /) $0 = toupper(substr($0, 1, 1)) substr($0, 2)
  print "/// @file " name " @brief " $0 "."
  next
}
NR == 2 { print "///"; blank = 1; next }  # the licence
/^#pragma once/ { end_code(); in_program = 1; print ""; next }
!in_program { sub(/^\/\//, "///") }

/^ *\/\/\// {
  at = index($0, "///")
  margin = substr($0, 1, at - 1)
  text = substr($0, at + 3)
  if (text == "") {
    end_code()
    print margin "///"
  } else if (text ~ /^     +[^ ]/ && (blank || in_code)) {
    if (!in_code) print margin "/// @code{.cpp}"
    in_code = 1
    print margin "///" text
  } else {
    end_code()
    print margin "/// " marked_up(substr(text, 2))
  }
  blank = text == ""
  next
}

{ end_code(); blank = 0 }
/namespace spool::inline SPOOL_ABI/ { sub(/::inline SPOOL_ABI/, "") }
in_clause { in_clause = $0 !~ /[>)]$/; print ""; next }
/^ +requires.*(detail::|!std::is_same_v)/ { in_clause = $0 ~ /&&$/; print ""; next }
/^  \/\/ ── .* ──$/ {
  gsub(/^  \/\/ ── | ──$/, "")
  print (in_group ? "/// @}\n" : "") "/// @group{" toupper(substr($0, 1, 1)) substr($0, 2) "}"
  in_group = 1
  next
}
/^(private|protected):$/ { print (in_group ? "/// @}\n" : "") "private:"; in_group = 0; next }
!/^(struct|namespace) / { gsub(/detail::/, "") }
/\(const [a-z_]+&\) = delete;$/ { print ""; next }
{ print }
