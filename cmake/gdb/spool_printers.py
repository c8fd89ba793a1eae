# How gdb shows spool's objects: `source spool_printers.py`, in gdb or in ~/.gdbinit.
#
#   (gdb) print answer
#   $1 = spool::future<int>, done = {value = 42}
#   (gdb) print jobs
#   $2 = spool::queue<int> of 2, maxsize 10, shut down = {7, 8}
#
# Reads memory only: it calls nothing in the program, and works on core files. What another thread is just changing may
# look odd for the moment. Knows the standard libraries of GNU and LLVM.

import re

import gdb
import gdb.printing
import gdb.types


def load(atomic):
    """What an atomic holds."""
    for path in (("_M_i",), ("_M_base", "_M_i"), ("__a_", "__a_value")):
        value = atomic
        try:
            for field in path:
                value = value[field]
            return value
        except gdb.error:
            continue
    return atomic


def without_version(name):
    """A name without the inline namespace of the version."""
    return re.sub(r"\bspool::v\d+_\d+_\d+::", "spool::", name)


def name_of(value):
    return without_version(gdb.types.get_basic_type(value.type).name or str(value.type))


def short_name(value):
    """The type as its user wrote it, without default arguments."""
    type_of = gdb.types.get_basic_type(value.type)
    name = without_version(type_of.name.split("<")[0])
    try:
        return "%s<%s>" % (name, without_version(str(type_of.template_argument(0))))
    except (RuntimeError, gdb.error):
        return name


def counted(n, what):
    return "%d %s" % (n, what) if n else ""


def joined(*parts):
    return ", ".join(p for p in parts if p)


class Future:
    """future<T> and promise<T>: the phase of the result, and the result."""

    phases = ["pending", "running", "running", "cancelled", "done", "failed", "cancelled"]
    taken = 2  # of the marks

    def __init__(self, value):
        self.value = value
        self.state = value["state_"]

    def phase(self):
        if int(self.state) == 0:
            return "empty"
        return self.phases[int(load(self.state["word_"])) & 7]

    def to_string(self):
        return joined(short_name(self.value), self.phase())

    def children(self):
        if self.phase() != "done":
            return
        result = self.value.type.strip_typedefs().template_argument(0)
        if result.code == gdb.TYPE_CODE_VOID:
            return
        stored = self.state["value_"]
        yield "value", stored.dereference() if result.code == gdb.TYPE_CODE_REF else stored


class Queue:
    """queue, lifo_queue and priority_queue: the items in the order in which they leave; a heap's as they lie."""

    def __init__(self, value):
        self.value = value
        self.core = value["body_"]["core_"]
        self.store = value["body_"]["store_"]

    def to_string(self):
        maxsize = int(self.core["places_"])
        unbounded = maxsize == 0 or maxsize >= 2**62
        return joined(
            "%s of %d" % (short_name(self.value), int(self.store["size_"])),
            "" if unbounded else "maxsize %d" % maxsize,
            "shut down" if load(self.core["shut_"]) else "",
        )

    def display_hint(self):
        return "array"

    def children(self):
        size = int(self.store["size_"])
        first = int(self.store["first_"])
        array = self.store["array_"]
        capacity = int(array["capacity_"])
        places = range(first, first + size)
        if name_of(self.value).startswith("spool::lifo_queue"):
            places = reversed(places)
        for i, place in enumerate(places):
            yield "[%d]" % i, self.item(array["cells_"][place % capacity])

    @staticmethod
    def item(cell):
        kind = cell.type.strip_typedefs()
        if re.match(r"spool::detail::age(d|less)_cell<", without_version(str(kind))):
            cell = cell["item"]
            kind = cell.type.strip_typedefs()
        if kind.code == gdb.TYPE_CODE_PTR and str(kind.target()).endswith("::block"):
            return cell["value"]
        return cell


class Mutex:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        word = int(load(self.value["state_"]))
        return joined("spool::mutex", "locked" if word & 3 else "free", counted(word >> 4, "waiting"))


class RecursiveMutex:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        depth = int(load(self.value["owner_"])) & 0xFFFFF
        waiting = int(load(self.value["inner_"]["state_"])) >> 4
        state = "locked %d deep" % depth if depth else "free"
        return joined("spool::recursive_mutex", state, counted(waiting, "waiting"))


class Event:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        word = int(load(self.value["state_"]))
        return joined("spool::event", "set" if word & 1 else "not set", "threads wait" if word & 2 else "")


class Semaphore:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        word = int(load(self.value["permits_"]["state_"]))
        return joined(
            "%s of %d" % (short_name(self.value), max(word >> 1, 0)),
            "threads wait" if word & 1 else "",
        )


class Barrier:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return joined(
            "spool::barrier of %d" % int(self.value["parties_"]),
            counted(int(load(self.value["arrived_"])), "waiting"),
            "broken" if load(self.value["broken_"]) else "",
        )


class Pool:
    def __init__(self, value):
        self.pool = value["pool_"].dereference()

    def to_string(self):
        threads = int(load(self.pool["thread_count_"]))
        closing = int(load(self.pool["word_"])) >> 60 & 1
        return joined(
            "spool::thread_pool of %d" % int(self.pool["max_workers_"]),
            "%d threads" % threads,
            "shut down" if closing else "",
        )

    def children(self):
        yield "thread_name_prefix", self.pool["name_prefix_"]


def printers():
    all_of = gdb.printing.RegexpCollectionPrettyPrinter("spool")
    for name, pattern, printer in (
        ("future", "^spool::(v[0-9_]+::)?(future|promise)<.*>$", Future),
        ("queue", "^spool::(v[0-9_]+::)?(lifo_|priority_)?queue<.*>$", Queue),
        ("mutex", "^spool::(v[0-9_]+::)?mutex$", Mutex),
        ("recursive_mutex", "^spool::(v[0-9_]+::)?recursive_mutex$", RecursiveMutex),
        ("event", "^spool::(v[0-9_]+::)?event$", Event),
        ("semaphore", "^spool::(v[0-9_]+::)?(bounded_)?semaphore$", Semaphore),
        ("barrier", "^spool::(v[0-9_]+::)?barrier$", Barrier),
        ("thread_pool", "^spool::(v[0-9_]+::)?thread_pool$", Pool),
    ):
        all_of.add_printer(name, pattern, printer)
    return all_of


gdb.printing.register_pretty_printer(gdb.current_objfile(), printers(), replace=True)
