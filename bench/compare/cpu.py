"""CPU time of one core, exactly, and of one server's processes.

Busy time of a core is wall minus idle, iowait and steal. User, system and soft-interrupt columns of /proc/stat are
sampled at each tick (250 a second), and a server that wakes for 20 us at a time hides between ticks. Idle time is not
sampled: on a NO_HZ kernel each way into and out of the idle loop is timed. /proc/timer_list shows that sum in
nanoseconds (root only); the idle column of /proc/stat is the same sum in hundredths of a second and stands in for it.
Seen: 100 ms of spinning read as 100.4 to 104 ms by either, a second of nothing as 0.5% busy.

The sum is brought up to date when the core leaves idle, so the reader runs on that core while it reads.
"""
import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CoreTime:
    wall_ns: int
    idle_ns: int
    steal_ns: int

    def busy_since(self, before: "CoreTime") -> int:
        return (self.wall_ns - before.wall_ns) - (self.idle_ns - before.idle_ns) - (self.steal_ns - before.steal_ns)


@contextlib.contextmanager
def on_core(cpu: int):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _stat_row(cpu: int) -> list[int]:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{cpu} "):
            return [int(field) * TICK_NS for field in line.split()[1:]]
    raise RuntimeError(f"no cpu{cpu} in /proc/stat")


def source() -> str:
    try:
        text = Path("/proc/timer_list").read_text()
    except OSError:
        return "/proc/stat idle column (10 ms)"
    return "/proc/timer_list idle_sleeptime (ns)" if "idle_sleeptime" in text else "/proc/stat idle column (10 ms)"


def read_core(cpu: int, precise: bool) -> CoreTime:
    with on_core(cpu):
        row = _stat_row(cpu)
        if not precise:
            return CoreTime(time.monotonic_ns(), row[3] + row[4], row[7])
        text = Path("/proc/timer_list").read_text()
        now = int(re.search(r"now at (\d+) nsecs", text)[1])
        core = text.split(f"cpu: {cpu}\n", 1)[1]
        idle = int(re.search(r"idle_sleeptime\s*: (\d+)", core)[1])
        iowait = int(re.search(r"iowait_sleeptime\s*: (\d+)", core)[1])
        return CoreTime(now, idle + iowait, row[7])


def descendants(pid: int) -> list[int]:
    """The process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
                parents.setdefault(int(fields[1]), []).append(int(entry))
    found, at = [pid], 0
    while at < len(found):
        found += parents.get(found[at], [])
        at += 1
    return found


def process_ns(pids: list[int]) -> int:
    """Time on a CPU of all threads of these processes (what the scheduler counted, not samples)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):
                    total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    return total


def anonymous_octets(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total += 1024 * int(next(line for line in lines if line.startswith("RssAnon:")).split()[1])
    return total
