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
    before = server.figures()
    for arguments in (["--message", "2..20", "--messages", "10"], ["--message", "1"], []):
        measure.drop_caches()
        context.harness.run(server, ["download", *arguments, "--sessions", str(corpus.ACCOUNTS), "--connections", "32"])
    after = server.figures()
    changed = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    watched = {name: value for name, value in after.items() if "turn" in name or "switch" in name or "cold" in name}
    lines = ["Cold files (caches dropped three times, every message read); counters of the server, added by this run"]
    lines += [f"  {name:<60} {changed.get(name, 0):>12.0f}" for name in sorted(watched)]
    return {"text": "\n".join(lines) + "\n", "added": {name: changed.get(name, 0) for name in watched}}


def _login_times(context: Context, server: Server, account: str, times: int) -> list[dict]:
    """Milliseconds of the login alone and of login, STAT and UIDL, a session each."""
    found = []
    for _ in range(times):
        steps = context.harness.run(server, ["poll", "--sessions", "1", "--connections", "1", "--timeout", "300s"], account)["latency_us"]
        found.append({"login": steps["pass"]["mean"] / 1e3,
                      "login_stat_uidl": sum(steps[step]["mean"] for step in ("user", "pass", "stat", "uidl")) / 1e3})
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
            server.start()
            _login_times(context, server, account, 1)
            server.stop()
            server.start()
            with_cache = _login_times(context, server, account, 1)[0]
            unchanged = _login_times(context, server, account, 7)
            server.stop()
            _forget_caches_of(server, folder, account)
            server.start()
            without = _login_times(context, server, account, 1)[0]
            row[server.name] = {
                "first_login_ms": with_cache["login_stat_uidl"], "first_login_nothing_cached_ms": without["login_stat_uidl"],
                "unchanged_ms": statistics.median(one["login_stat_uidl"] for one in unchanged),
                "unchanged_login_ms": statistics.median(one["login"] for one in unchanged),
            }
        results[str(count)] = row
        lines += _big_lines(count, row)
    return {"text": "\n".join(lines) + "\n", "maildrops": results}


def _big_lines(count: int, row: dict) -> list[str]:
    lines = [f"Maildrop of {count:,} messages: login, STAT and UIDL in ms as the client sees it"]
    names = list(row)
    for key, words in (
        ("first_login_nothing_cached_ms", "first after a start, the server's own index removed"),
        ("first_login_ms", "first after a start, with its index"),
        ("unchanged_ms", "of an unchanged one (median of 7)"),
        ("unchanged_login_ms", "of that the login alone"),
    ):
        values = "".join(f"{name} {row[name][key]:>10.2f}   " for name in names)
        ratio = f"dovecot / ringpost {row['dovecot'][key] / row['ringpost'][key]:.1f}" if len(names) == 2 else ""
        lines.append(f"  {words:<54}{values}{ratio}")
    if len(names) == 2:
        best = row["dovecot"]["first_login_nothing_cached_ms"] / row["ringpost"]["first_login_ms"]
        lines.append(f"  {'first ever in Dovecot / first after a start in Ringpost':<54}{best:.1f}")
    return lines


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
    for sessions in (1000, 8000, 1000, 8000):  # the first pair also fills what stays: tables, caches of accounts
        client = subprocess.Popen(
            ["taskset", "-c", str(measure.CLIENT_CPU), str(context.harness.program), "idle", f"127.0.0.1:{server.port}",
             "--accounts", "i{0..7999}", "--password", corpus.PASSWORD, "--connections", str(sessions),
             "--duration", "120s", "--quiet", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        told = client.stderr.readline()
        if "logged in" not in told:
            client.terminate()
            raise RuntimeError(f"idle sessions: {told}{client.communicate()[0][-800:]}")
        time.sleep(1)
        points[sessions] = {"anonymous": cpu.rss_octets(server.pids()),
                            **{name: value for name, value in server.figures().items() if "memory" in name or "octets" in name}}
        client.terminate()
        client.communicate(timeout=60)
    slope = (points[8000]["anonymous"] - points[1000]["anonymous"]) / 7000
    text = (f"Idle sessions: {points[1000]['anonymous'] / 1e6:.1f} MB anonymous memory at 1,000, {points[8000]['anonymous'] / 1e6:.1f} MB"
            f" at 8,000: {slope:.0f} octets a session (wanted <= 4096: {'met' if slope <= 4096 else 'MISSED'})\n")
    return {"text": text, "slope_octets": slope, "points": points}


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
