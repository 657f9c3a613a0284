#!/usr/bin/env bash
# setup.sh: everything that building, running and (with --tests, --bench) testing and measuring Ringpost needs.
#
#   scripts/setup.sh            compilers and libraries
#   scripts/setup.sh --tests    and mail clients, file systems
#   scripts/setup.sh --bench    and the server to compare with
#
# Debian 12 or 13, as root or with sudo. Only what is missing is installed, so a second run takes a second.
# Nothing that it installs is started or will be started at boot.
set -euo pipefail

prefix=/opt/ringpost-deps
liburing_version=2.9            # DESIGN §5a; Debian 12 itself has 2.3
liburing_flags="-O2 -g"
wolfssl_version=5.7.2           # Debian 12's package has no AES-NI: forty times slower (DESIGN §5a)
wolfssl_flags="--enable-static --disable-shared --disable-examples --disable-crypttests --enable-intelasm --enable-aesni --enable-sp=yes,asm --enable-tls13
  --enable-session-ticket --enable-sni --enable-alpn --enable-ocsp --enable-ocspstapling --enable-hkdf --enable-md4
  --enable-keying-material --enable-certgen --enable-certreq --enable-certext --enable-curve25519 --enable-ed25519
  --enable-atomicuser --enable-harden"
wolfssl_defines="-O2 -g -fPIC -DHAVE_SECRET_CALLBACK -DWOLFSSL_KEY_GEN -DKEEP_PEER_CERT"
source_suite=trixie             # the stable suite whose source package is taken

build_packages=(
  g++ clang-19 lld-19 libclang-rt-19-dev meson ninja-build ccache pkg-config python3 git
  libfmt-dev libspdlog-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libcpp-httplib-dev
  libargon2-dev libcrypt-dev libssl-dev libsystemd-dev libmimalloc-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  curl ca-certificates)
test_packages=(
  mpop fetchmail getmail6 eatmydata xfsprogs e2fsprogs mount procps iproute2 zsh)
bench_packages=(dovecot-core dovecot-pop3d)
bench_units=(dovecot.service dovecot.socket)

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

packages=("${build_packages[@]}")
for argument in "$@"; do
  case $argument in
    --tests) packages+=("${test_packages[@]}") ;;
    --bench) packages+=("${bench_packages[@]}") ;;
    *) die "unknown argument $argument (--tests, --bench)" ;;
  esac
done

[ -r /etc/os-release ] && . /etc/os-release
case "${ID:-} ${VERSION_ID:-}" in
  "debian 12" | "debian 13") ;;
  *) say "this is ${PRETTY_NAME:-an unknown system}; Debian 12 or 13 is what is tested" ;;
esac

missing_packages() {  # of the arguments, those that are not installed
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

liburing_stamp="liburing $liburing_version $liburing_flags $source_suite ${VERSION_ID:-}"
system_liburing_is_new_enough() { pkg-config --atleast-version=$liburing_version liburing 2>/dev/null; }
own_liburing_is_there() { [ "$(cat $prefix/liburing.stamp 2>/dev/null)" = "$liburing_stamp" ]; }

wolfssl_stamp="wolfssl $wolfssl_version $(tr -s ' \n' ' ' <<<"$wolfssl_flags") $wolfssl_defines $source_suite ${VERSION_ID:-}"
own_wolfssl_is_there() { [ "$(cat $prefix/wolfssl.stamp 2>/dev/null)" = "$wolfssl_stamp" ]; }

[ "${VERSION_ID:-0}" -ge 13 ] 2>/dev/null && packages+=(liburing-dev)
mapfile -t missing < <(missing_packages "${packages[@]}")
server_user_is_there() { getent passwd ringpost >/dev/null; }  # who the server runs as when root owns its data
if [ ${#missing[@]} -eq 0 ] && server_user_is_there && own_wolfssl_is_there && { own_liburing_is_there || system_liburing_is_new_enough; }; then
  say "nothing to do"
  exit 0
fi

# From here on something has to be installed.
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || die "needs root or sudo"
  exec sudo bash "$0" "$@"
fi
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
exec 9>/run/ringpost-setup.lock
flock 9

work=$(mktemp -d /tmp/ringpost-setup.XXXXXX)
policy=/usr/sbin/policy-rc.d
had_policy=
finish() {
  if [ -n "$had_policy" ]; then mv -f "$work/policy-rc.d" $policy; else rm -f $policy; fi
  rm -rf "$work"
}

# While packages are installed no service may start (Debian policy §9.3.3.1: exit status 101 forbids it).
forbid_services() {
  if [ -e $policy ]; then cp -p $policy "$work/policy-rc.d"; had_policy=yes; fi
  trap finish EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
}

apt() { apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@"; }

install_packages() {
  say "installing ${*}"
  apt -qq update || die "apt-get update failed; see the lines above"
  apt -qq -y --no-install-recommends install "$@" >"$work/apt.log" 2>&1 ||
    { tail -30 "$work/apt.log" >&2; die "apt-get install failed; see the lines above"; }
  if [ -d /run/systemd/system ]; then
    local unit
    for unit in "${bench_units[@]}"; do
      if printf '%s\n' "$@" | grep -qx "${unit%.*}-core"; then systemctl -q disable "$unit" 2>/dev/null || true; fi
    done
  fi
}

# The machine's own Debian mirror, as apt knows it: the entry for the release that runs here.
debian_mirror() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' -v release="${VERSION_CODENAME:-}" '$1 == "Debian" && $2 == "Debian" && $3 == release { print $4; exit }'
}

# A source package of $source_suite, fetched and verified by apt (Debian's archive keyring signs the
# suite, the suite names the hashes) under a configuration of its own: the system's sources stay as they are.
fetch_source() {  # PACKAGE VERSION FOLDER
  local apt_dir=$work/apt mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "no Debian mirror for '${VERSION_CODENAME:-}' in the machine's apt configuration"
  mkdir -p "$apt_dir"/{lists,cache/archives}/partial "$apt_dir/download"
  echo "deb-src [signed-by=$keyring] $mirror $source_suite main" >"$apt_dir/sources.list"
  chmod -R a+rX "$work"
  chown -R _apt "$apt_dir" 2>/dev/null || true
  local options=(-o "Dir::Etc::sourcelist=$apt_dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$apt_dir/lists" -o "Dir::Cache=$apt_dir/cache")
  say "fetching the source of $1 $2 ($source_suite)"
  apt "${options[@]}" -qq update ||
    die "cannot read the sources of $source_suite; if a key is missing: apt-get install debian-archive-keyring"
  local found
  found=$(apt-cache "${options[@]}" showsrc "$1" | awk '$1 == "Version:" { print $2 }' | sort -V | tail -1)
  case $found in
    "$2"-*) ;;
    *) die "$source_suite has $1 ${found:-not at all}, wanted is $2" ;;
  esac
  (cd "$apt_dir/download" && apt "${options[@]}" -qq source --download-only "$1=$found") >/dev/null 2>"$work/apt.log" ||
    { cat "$work/apt.log" >&2; die "cannot fetch the source of $1"; }
  dpkg-source --no-check -x "$apt_dir/download/$1_$found.dsc" "$3" >/dev/null
}

build_liburing() {
  local source=$work/liburing log=$work/build.log
  fetch_source liburing $liburing_version "$source"
  say "building liburing $liburing_version into $prefix"
  (
    cd "$source"
    ./configure --prefix=$prefix --use-libc --cc=gcc --cxx=g++
    make -C src -j"$(nproc)" ENABLE_SHARED=0 CFLAGS="$liburing_flags" liburing.a liburing-ffi.a
    make ENABLE_SHARED=0 CFLAGS="$liburing_flags" install
  ) >"$log" 2>&1 || { tail -30 "$log" >&2; die "liburing did not build"; }
  echo "$liburing_stamp" >$prefix/liburing.stamp
}

build_wolfssl() {
  local source=$work/wolfssl log=$work/build.log
  fetch_source wolfssl $wolfssl_version "$source"
  say "building wolfSSL $wolfssl_version into $prefix"
  (
    cd "$source"
    [ -x configure ] || autoreconf -fi
    # shellcheck disable=SC2086  # a list of flags
    ./configure --prefix=$prefix --libdir=$prefix/lib $wolfssl_flags CC=gcc CFLAGS="$wolfssl_defines"
    make -j"$(nproc)"
    make install
  ) >"$log" 2>&1 || { tail -30 "$log" >&2; die "wolfSSL did not build"; }
  echo "$wolfssl_stamp" >$prefix/wolfssl.stamp
}

server_user_is_there ||
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ringpost
forbid_services
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
if ! own_wolfssl_is_there || { ! own_liburing_is_there && ! system_liburing_is_new_enough; }; then
  mapfile -t missing < <(missing_packages gcc make dpkg-dev patch xz-utils debian-archive-keyring autoconf automake libtool)
  [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
  own_liburing_is_there || system_liburing_is_new_enough || build_liburing
  own_wolfssl_is_there || build_wolfssl
fi
say "done"
