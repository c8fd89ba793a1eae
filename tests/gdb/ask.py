# Run by gdb on printers.cpp: prints what gdb shows of its variables, and the names of the threads as `info threads` does.

import re

import gdb

gdb.execute("set width 0")
gdb.execute("set confirm off")
gdb.execute("break look_here", to_string=True)
gdb.breakpoints()[0].silent = True
gdb.execute("run", to_string=True)
gdb.selected_frame().older().select()


def shown(expression):
    text = gdb.execute("print " + expression, to_string=True)
    text = re.sub(r"^\$\d+ = ", "", text.strip())
    text = re.sub(r"std::(__cxx11::)?basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string", text)
    return text.replace(" &", "&").replace("std::__cxx11::string", "std::string")


def first_item(queue):
    """What the first item of a queue of unique_ptr points at."""
    printer = gdb.default_visualizer(gdb.parse_and_eval(queue))
    item = next(iter(printer.children()))[1]
    address = int(item.address)
    return gdb.parse_and_eval("**(int**)%d" % address)


for name in ["pending", "soon", "text", "referring", "done", "broken", "empty", "ring"]:
    print("%s = %s" % (name, shown(name)))
print("*owners[0] = %s" % first_item("owners"))
for name in ["stack", "largest", "none", "open", "held", "twice", "up", "down", "permits", "slots", "meeting", "pool"]:
    print("%s = %s" % (name, shown(name)))

listed = gdb.execute("info threads", to_string=True)
print("threads: " + " ".join(sorted(re.findall(r'\(LWP \d+\)\)? "([^"]+)"', listed))))
gdb.execute("kill", to_string=True)
