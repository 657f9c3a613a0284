"""One reading: a load of known length against one server, and what it cost CPU 0."""
import json
import os
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from . import corpus, cpu
from .servers import SERVER_CPU, Server, listing

CLIENT_CPU = 1
DISTURBED_ABOVE = 0.08  # of the core: more than this of other processes, and the reading is taken again

# What one session does. The seconds that a reading lasts decide how many sessions it has.
WORKLOADS = {
    "poll": ["poll"],
    "ten downloads": ["download", "--message", "2..20", "--messages", "10"],
    "one 1 MiB": ["download", "--message", "1"],
}


@dataclass
class Reading:
    cpu_us: float       # busy time of the core, a session
    own_us: float       # time of the server's own processes, a session
    others: float       # share of the core that was busy and not the server's
    rate: float         # sessions a second
    p50_us: float
    p99_us: float
    sessions: int
    retakes: int = 0


@dataclass
class Harness:
    program: Path
    precise: bool
    connections: int
    seconds: float
    retakes_max: int
    sessions: dict[tuple[str, str], int] = field(default_factory=dict)

    def run(self, server: Server, arguments: list[str], accounts: str = f"u{{0..{corpus.ACCOUNTS - 1}}}") -> dict:
        command = [
            str(self.program), *arguments, f"127.0.0.1:{server.port}", "--accounts", accounts,
            "--password", corpus.PASSWORD, "--cpu", str(CLIENT_CPU), "--json", "--quiet",
        ]
        done = subprocess.run(["taskset", "-c", str(CLIENT_CPU), *command], capture_output=True, text=True, timeout=900)
        if done.returncode != 0:
            raise RuntimeError(f"{server.name}: {' '.join(arguments)}: status {done.returncode}: {done.stderr[-500:]}{done.stdout[-1500:]}")
        return json.loads(done.stdout)

    def warm_up(self, server: Server) -> None:
        """Every account logs in and every message is read once; then how long a reading has to be."""
        self.run(server, ["download", "--list", "both", "--sessions", str(corpus.ACCOUNTS), "--connections", "16"])
        for name, arguments in WORKLOADS.items():
            limits = ["--connections", str(self.connections), "--duration", f"{max(0.3, self.seconds / 4)}s"]
            rate = self.run(server, [*arguments, *limits])["sessions_per_second"]
            self.sessions[server.name, name] = max(self.connections, round(rate * self.seconds))

    def read_once(self, server: Server, workload: str) -> Reading:
        count = self.sessions[server.name, workload]
        own_before = cpu.process_ns(server.pids())
        before = cpu.read_core(SERVER_CPU, self.precise)
        result = self.run(server, [*WORKLOADS[workload], "--connections", str(self.connections), "--sessions", str(count)])
        after = cpu.read_core(SERVER_CPU, self.precise)
        own = cpu.process_ns(server.pids()) - own_before
        busy, wall = after.busy_since(before), after.wall_ns - before.wall_ns
        latency = result["latency_us"]["session"]
        return Reading(
            cpu_us=busy / count / 1e3, own_us=own / count / 1e3, others=max(0.0, (busy - own) / wall),
            rate=result["sessions_per_second"], p50_us=latency["p50"], p99_us=latency["p99"], sessions=count,
        )

    def read(self, server: Server, workload: str) -> Reading:
        """Again while others disturb it; the least disturbed one stands when the tries are used up."""
        tries = [self.read_once(server, workload)]
        while tries[-1].others > DISTURBED_ABOVE and len(tries) <= self.retakes_max:
            tries.append(self.read_once(server, workload))
        best = min(tries, key=lambda reading: reading.others) if tries[-1].others > DISTURBED_ABOVE else tries[-1]
        best.retakes = len(tries) - 1
        return best


def insist_on_equal_mail(servers: list[Server]) -> None:
    """Message 1 must be the large one everywhere, and all others alike too."""
    for account in ("u0", f"u{corpus.ACCOUNTS - 1}"):
        listings = {server.name: listing(server.port, account) for server in servers}
        if len({tuple(lines) for lines in listings.values()}) > 1:
            found = "; ".join(f"{name}: {', '.join(lines[:4])} ..." for name, lines in listings.items())
            raise RuntimeError(f"the servers list different mail for {account} (is an old import there?): {found}")


def rounds(harness: Harness, servers: list[Server], count: int, progress) -> dict[str, dict[str, list[Reading]]]:
    """workload -> server -> a reading each round; which server comes first changes from round to round."""
    results = {workload: {server.name: [] for server in servers} for workload in WORKLOADS}
    for number in range(count):
        order = servers[number % len(servers) :] + servers[: number % len(servers)]
        for workload in WORKLOADS:
            for server in order:
                reading = harness.read(server, workload)
                results[workload][server.name].append(reading)
                progress(f"round {number + 1} of {count}: {workload}, {server.name}: {reading.cpu_us:.1f} us a session")
    return results


def paired(over: list[Reading], under: list[Reading], key: str = "cpu_us") -> dict[str, float]:
    """The ratio of each round's two readings: median, least, most."""
    ratios = [getattr(a, key) / getattr(b, key) for a, b in zip(over, under, strict=True)]
    return {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios), "rounds": len(ratios)}


def middle(readings: list[Reading], key: str) -> float:
    return statistics.median(getattr(reading, key) for reading in readings)


def drop_caches() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")
