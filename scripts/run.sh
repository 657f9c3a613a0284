#!/usr/bin/env bash
# run.sh: a demo appliance on loopback, in the foreground. Ctrl-C stops it.
#
# Sets up, builds a release, makes build/demo with two accounts and sample mail (once), says how to fetch it,
# and starts the server. Accounts and mail stay between starts; remove build/demo to begin anew.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=build/demo
port=1110
accounts=("alice:wonderland" "bob:builder")

say() { printf 'run: %s\n' "$*"; }

bash scripts/setup.sh

[ -f build/build.ninja ] || meson setup build --buildtype=release >/dev/null
say "building (the first time takes minutes)"
ninja --quiet -C build ringpostd ringpost

make_demo() {
  local folder=$demo.new account name
  rm -rf "$folder"
  build/ringpost init "$folder" >/dev/null
  cp configs/demo/ringpost.toml "$folder/ringpost.toml"
  for account in "${accounts[@]}"; do
    name=${account%%:*}
    printf '%s\n' "${account#*:}" | build/ringpost --config "$folder/ringpost.toml" user add "$name" --password-stdin >/dev/null
    build/ringpost --config "$folder/ringpost.toml" import maildir "configs/demo/$name" --user "$name" >/dev/null
  done
  mv "$folder" $demo
}
if [ ! -d $demo ]; then
  say "making $demo"
  make_demo
fi

cat <<TEXT

  The demo appliance serves POP3 on 127.0.0.1:$port, without TLS: passwords cross the line IN CLEAR.
  That is what require_tls = "never" in $demo/ringpost.toml says; do that on loopback only.

  Fetch a message:        curl --user alice:wonderland pop3://127.0.0.1:$port/1
  List them:              curl --user alice:wonderland pop3://127.0.0.1:$port/
  In a mail client:       account type POP3, server 127.0.0.1, port $port, connection security "none",
                          authentication "password", user alice, password wonderland
                          (the other account: user bob, password builder)
  Look from outside:      build/ringpost --config $demo/ringpost.toml status

TEXT
exec build/ringpostd --config $demo/ringpost.toml
