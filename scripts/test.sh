#!/usr/bin/env bash
# test.sh: set up, build, run every test. The last line is `N passed, N failed`.
#
#   scripts/test.sh            all of it: clang's build with every test, the programs as g++ builds them, real clients
#   scripts/test.sh --quick    no second compiler, and no test that takes minutes
#   scripts/test.sh --long     each fuzzer for a minute, 500 killed servers in place of 50, more seeds
#   scripts/test.sh --asan     under the address and undefined-behaviour sanitizers
#   scripts/test.sh --tsan     under the thread sanitizer
set -euo pipefail
cd "$(dirname "$0")/.."

extent=normal
sanitizer=none
build=build-test
for argument in "$@"; do
  case $argument in
    --quick) extent=quick ;;
    --long) extent=long ;;
    --asan) sanitizer=address,undefined build=build-asan ;;
    --tsan) sanitizer=thread build=build-tsan ;;
    *) echo "test: unknown argument $argument (--quick, --long, --asan, --tsan)" >&2; exit 2 ;;
  esac
done
export RINGPOST_TEST_EXTENT=$extent RINGPOST_TEST_SANITIZER=$sanitizer
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}

passed=0
failed=0
started=$SECONDS
say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - started)); }
fail() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }
verdict() {
  say "end"
  [ $((passed + failed)) -gt 0 ] || fail "no test ran"
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

# Runs a command whose last line tells its own counts (`name: N passed, N failed`) and adds them up.
counted() {  # NAME COMMAND...
  local name=$1 log status=0 counts
  shift
  log=$(mktemp)
  "$@" 2>&1 | tee "$log" || status=$?
  counts=$(grep -E "^$name: [0-9]+ passed, [0-9]+ failed$" "$log" | tail -1 | tr -dc '0-9 ')
  rm -f "$log"
  if [ -z "$counts" ]; then fail "$name ended without a count (status $status)"; return 0; fi
  read -r good bad <<<"$counts"
  passed=$((passed + good))
  failed=$((failed + bad))
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then fail "$name ended with status $status"; fi
}

configure() {  # FOLDER ARGUMENTS...
  local folder=$1
  shift
  if [ -f "$folder/build.ninja" ]; then return 0; fi
  rm -rf "$folder"
  meson setup "$folder" "$@" >"/tmp/ringpost-meson.$$" 2>&1 || { cat "/tmp/ringpost-meson.$$"; rm -f "/tmp/ringpost-meson.$$"; return 1; }
  rm -f "/tmp/ringpost-meson.$$"
}

say "setup"
bash scripts/setup.sh --tests

say "house test"
if [ $extent = quick ]; then counted tidy scripts/tidy.py --quick; else counted tidy scripts/tidy.py; fi

say "build with clang, $build"
options=(--native-file scripts/clang.ini "-Db_sanitize=$sanitizer")
if [ $sanitizer = none ]; then options+=(-Dmutants=true); else options+=(-Db_lundef=false -Dbenches=false); fi
if ! { configure $build "${options[@]}" && ninja -C $build; }; then
  fail "the build with clang"
  verdict
  exit 1
fi

say "room tests"
suites=()
if [ $extent = quick ]; then suites+=(--no-suite slow); fi
timeout_factor=1
[ $sanitizer = none ] || timeout_factor=4
status=0
rm -f $build/meson-logs/testlog.junit.xml
meson test -C $build --no-rebuild --print-errorlogs -t $timeout_factor "${suites[@]}" || status=$?
counted rooms python3 scripts/count_tests.py $build/meson-logs/testlog.junit.xml "$status"

say "simulation"
case $extent-$sanitizer in
  quick-none) seeds=1000 mutant_seeds=0 ;;
  normal-none) seeds=10000 mutant_seeds=20000 ;;
  long-none) seeds=100000 mutant_seeds=200000 ;;
  *) seeds=300 mutant_seeds=0 ;;
esac
counted simulation scripts/simulation.py $build/ringpost-sim --seeds $seeds --mutant-seeds $mutant_seeds

programs=$build
if [ $sanitizer = none ] && [ $extent != quick ]; then
  say "build of the programs with g++, build"
  if configure build --buildtype=release && ninja -C build ringpostd ringpost ringpost-load; then
    passed=$((passed + 1))
    programs=build
  else
    fail "the build with g++"
  fi
fi

fuzz_a_minute_each() {
  local build=build-fuzz fuzzers fuzzer corpus found status=0
  say "each fuzzer for a minute, $build"
  configure $build --native-file scripts/clang.ini -Dfuzzers=true -Dbenches=false -Db_sanitize=address,undefined \
    -Db_lundef=false || { fail "the build of the fuzzers"; return 0; }
  mapfile -t fuzzers < <(ninja -C $build -t targets all | sed -n 's/^\(tests\/fuzz\/[^ :]*-fuzzer\):.*/\1/p')
  ninja -C $build "${fuzzers[@]}" || { fail "the build of the fuzzers"; return 0; }
  for fuzzer in "${fuzzers[@]}"; do
    corpus=tests/fuzz/corpus/$(basename "${fuzzer%-fuzzer}")
    found=$build/found/$(basename "$fuzzer")
    mkdir -p "$found"
    if $build/"$fuzzer" -max_total_time=60 -timeout=10 -artifact_prefix="$found/" -print_final_stats=1 "$found" "$corpus" \
      2>"$found.log"; then
      passed=$((passed + 1))
      grep -E 'number_of_executed_units|new_units_added' "$found.log" | sed "s|^|$(basename "$fuzzer") |"
    else
      status=$?
      tail -40 "$found.log"
      fail "$fuzzer ended with status $status; what it found lies in $found"
    fi
  done
}
if [ $extent = long ] && [ $sanitizer = none ]; then fuzz_a_minute_each; fi

say "real clients against $programs/ringpostd"
counted system python3 tests/system/run.py --programs $programs --extent $extent

verdict
