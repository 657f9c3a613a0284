"""What is measured beside the rounds: cold files, big maildrops, idle sessions, micro-benchmarks."""
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import corpus, cpu, measure
from .servers import Dovecot, Ringpost, Server


@dataclass
class Context:
    harness: measure.Harness
    running: list[Server]
    data: Path
    out: Path
    long: bool
    say: Callable[[str], None]

    def of(self, kind: type) -> Server | None:
        return next((server for server in self.running if isinstance(server, kind)), None)


def cold(context: Context) -> dict:
    """Downloads whose files are not in the cache: the watchdog must count no turn that a disk read held up."""
    server = context.of(Ringpost)
    if server is None:
        return {"text": "Cold files: not measured (no ringpost among the servers)\n"}
    server.stop()
    server.watching = True
    server.prepare()
    server.start()
    before = server.figures()
    for arguments in (["--message", "2..20", "--messages", "10"], ["--message", "1"], []):
        measure.drop_caches()
        context.harness.run(server, ["download", *arguments, "--sessions", str(corpus.ACCOUNTS), "--connections", "32"])
    after = server.figures()
    server.stop()
    server.watching = False
    server.prepare()
    server.start()
    changed = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    watched = {name: value for name, value in after.items() if "turn" in name or "switch" in name or "cold" in name}
    lines = ["Cold files (caches dropped three times, every message read); counters of the server, added by this run"]
    lines += [f"  {name:<60} {changed.get(name, 0):>12.0f}" for name in sorted(watched)]
    return {"text": "\n".join(lines) + "\n", "added": {name: changed.get(name, 0) for name in watched}}


def _login_times(context: Context, server: Server, account: str, times: int) -> list[dict]:
    """Milliseconds of login, STAT and UIDL as the client sees them, and of CPU in the server's processes, a session."""
    found = []
    for _ in range(times):
        before = cpu.process_ns(server.pids())
        steps = context.harness.run(server, ["poll", "--sessions", "1", "--connections", "1", "--timeout", "300s"], account)["latency_us"]
        found.append({"ms": sum(steps[step]["mean"] for step in ("user", "pass", "stat", "uidl")) / 1e3,
                      "cpu_ms": (cpu.process_ns(server.pids()) - before) / 1e6})
    return found


def _forget_caches_of(server: Server, folder: Path, account: str) -> None:
    """What the server made of the maildrop for itself; the mail stays."""
    if isinstance(server, Dovecot):
        for path in (folder / account / "Maildir").glob("dovecot*"):
            path.unlink()
    else:
        for path in (server.folder / "data").glob(f"*/*/{account}/index"):
            path.unlink()


def big(context: Context) -> dict:
    """A maildrop of 100,000 messages (--long: 1,000,000 too): first login after a start, and an unchanged one."""
    lines, results = [], {}
    servers = [server for server in (context.of(Ringpost), context.of(Dovecot)) if server is not None]
    for count in (100_000, 1_000_000) if context.long else (100_000,):
        account = f"big{count}"
        folder = context.data / "big"
        context.say(f"making {count:,} messages")
        corpus.make_big(folder, account, count)
        row = {}
        for server in servers:
            context.say(f"{server.name}: maildrop of {count:,} messages")
            server.mails = [*dict.fromkeys([*server.mails, folder])]
            server.stop()
            server.prepare()
            if isinstance(server, Ringpost):
                server.keep_plain(account)
            server.start()
            _login_times(context, server, account, 1)
            server.stop()
            server.start()
            with_cache = _login_times(context, server, account, 1)
            unchanged = _login_times(context, server, account, 7)
            server.stop()
            _forget_caches_of(server, folder, account)
            server.start()
            without = _login_times(context, server, account, 1)
            row[server.name] = {
                f"{case}_{unit}": statistics.median(one[unit] for one in found) for unit in ("ms", "cpu_ms")
                for case, found in (("nothing_cached", without), ("first", with_cache), ("unchanged", unchanged))
            }
        results[str(count)] = row
        lines += _big_lines(count, row)
    return {"text": "\n".join(lines) + "\n", "maildrops": results}


def _big_lines(count: int, row: dict) -> list[str]:
    lines = [f"Maildrop of {count:,} messages: login, STAT and UIDL in ms as the client sees them (CPU ms of the server)"]
    names = list(row)
    for case, words in (
        ("nothing_cached", "first after a start, the server's own index removed"),
        ("first", "first after a start"),
        ("unchanged", "of an unchanged one, median of 7"),
    ):
        values = "".join(f"{name} {row[name][case + '_ms']:>9.2f} ({row[name][case + '_cpu_ms']:>8.2f})   " for name in names)
        lines.append(f"  {words:<54}{values}{_ratio(row, case, case)}")
    if len(names) == 2:
        lines.append(f"  {'first ever in Dovecot / first after a start in Ringpost':<54}{_ratio(row, 'nothing_cached', 'first')}")
    return lines


def _ratio(row: dict, over: str, under: str) -> str:
    if len(row) < 2:
        return ""
    by = {unit: row["dovecot"][f"{over}_{unit}"] / row["ringpost"][f"{under}_{unit}"] for unit in ("ms", "cpu_ms")}
    return f"dovecot / ringpost {by['ms']:.1f} ({by['cpu_ms']:.1f})"


def idle(context: Context) -> dict:
    """User memory an idle logged-in session costs: the slope of the server's anonymous memory from 1,000 to 8,000."""
    server = context.of(Ringpost)
    if server is None:
        return {"text": "Idle sessions: not measured (no ringpost among the servers)\n"}
    server.stop()
    users = server.folder / "users"
    known = users.read_text()
    if "i0:" not in known:
        users.write_text(known.rstrip("\n") + "\n" + "".join(f"i{number}:{{PLAIN}}{corpus.PASSWORD}\n" for number in range(8000)))
    server.start()
    points = {}
    for sessions in (1000, 8000):
        client = subprocess.Popen(
            ["taskset", "-c", str(measure.CLIENT_CPU), str(context.harness.program), "idle", f"127.0.0.1:{server.port}",
             "--accounts", "i{0..7999}", "--password", corpus.PASSWORD, "--connections", str(sessions),
             "--duration", "300s", "--quiet", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        told = client.stderr.readline()
        if "logged in" not in told:
            client.terminate()
            raise RuntimeError(f"idle sessions: {told}{client.communicate()[0][-800:]}")
        time.sleep(1)
        figures = server.figures()
        points[sessions] = {"anonymous": cpu.anonymous_octets(server.pids()),
                            "summaries": figures.get("ringpost_summary_octets", 0),
                            "login_cache": figures.get("ringpost_login_cache_octets", 0)}
        client.terminate()
        client.communicate(timeout=60)
    def slope(key: str) -> float:
        return (points[8000][key] - points[1000][key]) / 7000

    net = slope("anonymous") - slope("summaries") - slope("login_cache")
    text = (f"Idle sessions: {points[1000]['anonymous'] / 1e6:.1f} MB anonymous memory at 1,000, {points[8000]['anonymous'] / 1e6:.1f} MB"
            f" at 8,000: {slope('anonymous'):.0f} octets a session, of which {slope('summaries'):.0f} summary and"
            f" {slope('login_cache'):.0f} login cache; the session itself {net:.0f} (wanted <= 4096: {'met' if net <= 4096 else 'MISSED'})\n")
    return {"text": text, "slope_octets": slope("anonymous"), "session_octets": net, "points": points}


def micro(context: Context) -> dict:
    """Every Google Benchmark executable that is built."""
    build = context.harness.program.parent
    lines, results = [], {}
    for program in sorted(build.glob("bench/*/*-bench")):
        done = subprocess.run(["taskset", "-c", str(measure.CLIENT_CPU), str(program), "--benchmark_format=json",
                               "--benchmark_min_time=0.2"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines.append(f"  {program.name}: status {done.returncode}: {done.stderr[-300:]}")
            continue
        results[program.name] = json.loads(done.stdout)["benchmarks"]
        for one in results[program.name]:
            if one.get("run_type") == "aggregate" or "error_occurred" in one:
                continue
            speed = f"{one['bytes_per_second'] / 1e6:>12,.0f} MB/s" if "bytes_per_second" in one else ""
            lines.append(f"  {program.name:<16}{one['name']:<44}{one['cpu_time']:>14,.1f} {one['time_unit']}{speed}")
    return {"text": "\n".join(["Micro-benchmarks (CPU time an iteration)", *lines]) + "\n", "benchmarks": results}


PARTS = {"cold": cold, "big": big, "idle": idle, "micro": micro}
