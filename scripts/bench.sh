#!/usr/bin/env bash
# bench.sh: Ringpost beside Dovecot and three bare loops, interleaved in one run, and the micro-benchmarks.
#
#   scripts/bench.sh                          six rounds of three workloads, cold files, a big maildrop, idle sessions
#   scripts/bench.sh --quick                  two short rounds
#   scripts/bench.sh --long                   also a maildrop of 1,000,000 messages
#   scripts/bench.sh --only bare,dovecot      some of the servers: bare, ring, connection, ringpost, dovecot
#   scripts/bench.sh --rounds N --skip cold,big,idle,micro
#
# The servers run on CPU 0, the client on CPU 1, all on loopback. Writes build/bench/table.txt, result.json and plot.svg.
# Root: it installs Dovecot (which is not left running), pins, reads exact idle times and drops caches.
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/bench/release
say() { printf 'bench: %s\n' "$*"; }
die() { printf 'bench: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || exec sudo --preserve-env=PATH bash scripts/bench.sh "$@"
[ "$(nproc)" -ge 2 ] || die "needs two CPUs, one for the servers and one for the client"

case " $* " in
  *" --help "* | *" -h "*) PYTHONPATH=bench exec python3 -m compare --help ;;
esac
only=$(printf '%s\n' "$@" | sed -n '/^--only$/{n;p}; s/^--only=//p')

bash scripts/setup.sh --bench
[ -f $build/build.ninja ] ||
  meson setup $build --native-file scripts/clang.ini --buildtype=release -Dtests=false -Dbenches=true >/dev/null
targets=(ringpost-load bench/bare/bare-epoll bench/bare/bare-ring bench/bare/bare-connection)
if [ -z "$only" ]; then targets=(all); elif [[ ",$only," == *,ringpost,* ]]; then targets+=(ringpostd ringpost); fi
say "building a release"
ninja --quiet -C $build "${targets[@]}"

# One algorithm for all, whatever this machine prefers: bbr paces, and pacing timers cost CPU.
congestion=/proc/sys/net/ipv4/tcp_congestion_control
before=$(cat $congestion)
trap 'echo "$before" >$congestion' EXIT
grep -qw cubic /proc/sys/net/ipv4/tcp_available_congestion_control || modprobe tcp_cubic 2>/dev/null || true
echo cubic >$congestion
ulimit -n "$(ulimit -Hn)"

PYTHONPATH=bench python3 -m compare --build $build --out build/bench "$@"
