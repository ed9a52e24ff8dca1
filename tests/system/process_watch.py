"""What the kernel knows of a process: memory, processor time, open files."""

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def cpu_s(pid: int) -> float:
    """Of all its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_share(pid: int, over_s: float = 1.0) -> float:
    """Of one processor, measured from now on."""
    begin, before = time.monotonic(), cpu_s(pid)
    time.sleep(over_s)
    return (cpu_s(pid) - before) / (time.monotonic() - begin)


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
