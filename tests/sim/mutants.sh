#!/usr/bin/env bash
# mutants.sh PROGRAM [SEEDS] [NAME...]: plants each fault (or those named) and plays seeds until it is found.
#
# PROGRAM is a ringpost-sim of a build with -Dmutants=true. Prints after how many seeds each was found and how it showed;
# fails if one was not found within SEEDS (default 10000), or if a world without any planted fault shows a violation.
set -eu
program=$1
seeds=${2:-10000}
shift $(($# < 2 ? $# : 2))
names=${*:-$("$program" --mutants)}
missed=0
clean=$("$program" --seeds 1-500 | tail -n 1) || true
echo "nothing planted: $clean"
[[ $clean == *" 0 violations" ]] || missed=1
for name in $names; do
  report=$("$program" --mutant "$name" --until-found --seeds "1-$seeds" || true)
  found=$(grep -m 1 '^seed ' <<<"$report" || true)
  if [ -z "$found" ]; then
    printf '%-36s not found in %s seeds\n' "$name" "$seeds"
    missed=$((missed + 1))
  else
    printf '%-36s %s\n' "$name" "$(grep '^found after' <<<"$report"), ${found:0:150}"
  fi
done
[ "$missed" -eq 0 ]
