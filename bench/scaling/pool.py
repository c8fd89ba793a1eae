"""The workloads of workloads.hpp with CPython's ThreadPoolExecutor: NAME WORKERS SECONDS SPEED-UP ANSWER, a line each.

usage: pool.py FOLDER PORT WORKERS...      (the folder has the files and the text, the port the server)
"""
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

folder, port, workers = sys.argv[1], int(sys.argv[2]), [int(n) for n in sys.argv[3:]]
with open(os.path.join(folder, "text")) as file:
    text = file.read()


def sum_(i):
    x = i
    total = 0
    for _ in range(100_000):
        x = (x * 1103515245 + 12345) % 2147483648
        total += x
    return total


def primes(i):
    found = 0
    for n in range(i * 2000 + 2, (i + 1) * 2000 + 2):
        d = 2
        while d * d <= n and n % d != 0:
            d += 1
        found += d * d > n
    return found


def words(_):
    return len(text.split())


def sleep(_):
    time.sleep(0.005)
    return 1


def sockets(_):
    received = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while part := connection.recv(4096):
            received += len(part)
    return received


def files(i):
    read = 0
    with open(os.path.join(folder, str(i)), "rb", buffering=0) as file:
        while part := file.read(1 << 16):
            read += len(part)
    return read


def seconds(run):
    start = time.perf_counter()
    answer = run()
    return time.perf_counter() - start, answer


for name, task in [("sum", sum_), ("primes", primes), ("word count", words),
                   ("sleep", sleep), ("sockets", sockets), ("files", files)]:
    serial, answer = seconds(lambda: sum(map(task, range(64))))
    for n in workers:
        with ThreadPoolExecutor(n) as pool:
            list(pool.map(int, range(n)))
            took, pooled = seconds(lambda: sum(pool.map(task, range(64))))
        assert pooled == answer
        print(name, n, f"{took:.6f}", f"{serial / took:.4f}", answer, sep="\t", flush=True)
