"""python3 -m compare: the comparison itself; scripts/bench.sh has built everything and passes its arguments on."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import corpus, cpu, extras, measure, report, servers

SERVERS = ("bare", "ring", "connection", "ringpost", "dovecot")


def arguments_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description="Ringpost beside Dovecot and two bare loops.")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 6, with --quick 2)")
    parser.add_argument("--quick", action="store_true", help="short readings, no big maildrop, no idle sessions")
    parser.add_argument("--long", action="store_true", help="also a maildrop of 1,000,000 messages")
    parser.add_argument("--only", default=",".join(SERVERS), help="some of " + ",".join(SERVERS))
    parser.add_argument("--skip", default="", help="some of rounds,cold,big,idle,micro")
    parser.add_argument("--seconds", type=float, help="length of a reading (default 3, with --quick 1)")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--retakes", type=int, default=5, help="tries more for a disturbed reading")
    parser.add_argument("--build", type=Path, default=Path("build/bench/release"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help="where the mail lies (default: OUT/data)")
    chosen = parser.parse_args()
    unknown = set(chosen.only.split(",")) - set(SERVERS)
    if unknown:
        parser.error(f"--only: no server {', '.join(sorted(unknown))}")
    return chosen


def can_be_entered_by_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in [folder, *folder.parents])


def data_folder(chosen: argparse.Namespace) -> Path:
    """Dovecot's user must be able to enter it, which a clone below /root forbids."""
    folder = (chosen.data or chosen.out / "data").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if can_be_entered_by_all(folder):
        return folder
    other = Path("/var/tmp") / f"ringpost-bench-{os.getuid()}"
    other.mkdir(mode=0o755, exist_ok=True)
    return other


def servers_of(chosen: argparse.Namespace, data: Path, out: Path) -> list[servers.Server]:
    build, mail = chosen.build.resolve(), data / "corpus"
    bare = build / "bench" / "bare"
    made = {
        "bare": lambda: servers.Bare(out / "bare-epoll.log", bare / "bare-epoll", mail, "bare epoll", 7110),
        "ring": lambda: servers.Bare(out / "bare-ring.log", bare / "bare-ring", mail, "bare ring", 7111),
        "connection": lambda: servers.Bare(out / "bare-connection.log", bare / "bare-connection", mail, "bare connection", 7112),
        "ringpost": lambda: servers.Ringpost(build, data / "ringpost", [mail]),
        "dovecot": lambda: servers.Dovecot(data / "dovecot", [mail]),
    }
    return [make() for name, make in made.items() if name in chosen.only.split(",")]


def facts_of(chosen: argparse.Namespace, rounds: int, precise: bool) -> dict:
    def first_line(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0] if done.stdout + done.stderr else "unknown"

    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown")
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "machine": f"{os.cpu_count()} x {model}, Linux {os.uname().release}",
        "commit": first_line("git", "describe", "--always", "--dirty"),
        "dovecot": first_line("dovecot", "--version") if shutil.which("dovecot") else "not installed",
        "congestion control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
        "busy time from": cpu.source(),
        "readings": f"{rounds} rounds, {chosen.connections} connections, a reading with more than "
                    f"{measure.DISTURBED_ABOVE:.0%} of other processes is taken again",
    }


def main() -> int:
    chosen = arguments_of()
    rounds = chosen.rounds or (2 if chosen.quick else 6)
    seconds = chosen.seconds or (1.0 if chosen.quick else 3.0)
    skipped = set(chosen.skip.split(",")) | ({"big", "idle"} if chosen.quick else set())
    out = chosen.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {measure.CLIENT_CPU})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def say(words: str) -> None:
        print(f"bench: {words}", flush=True)

    precise = cpu.source().startswith("/proc/timer_list")
    data = data_folder(chosen)
    say(f"corpus in {data}")
    corpus.make(data / "corpus")
    harness = measure.Harness(chosen.build.resolve() / "ringpost-load", precise, chosen.connections, seconds, chosen.retakes)
    facts, results, more = facts_of(chosen, rounds, precise), {}, {}
    running = servers_of(chosen, data, out)
    try:
        for server in running:
            say(f"{server.name}: set up and start")
            server.prepare()
            server.start()
        measure.insist_on_equal_mail(running)
        if "rounds" not in skipped:
            for server in running:
                say(f"{server.name}: warm up")
                harness.warm_up(server)
            results = measure.rounds(harness, running, rounds, say)
            (out / "plot.svg").write_text(report.plot(results))
        text = report.table(results, facts)
        for part, work in extras.PARTS.items():
            if part not in skipped:
                say(part)
                more[part] = work(extras.Context(harness, running, data, out, chosen.long, say))
                text += "\n" + more[part].pop("text")
    finally:
        for server in running:
            server.stop()
    (out / "table.txt").write_text(text)
    (out / "result.json").write_text(report.as_json(results, facts, more))
    print("\n" + text)
    say(f"written: {out}/table.txt, result.json, plot.svg")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
