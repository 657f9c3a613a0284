// ringpost/config/configuration.h: the configuration as a value: immutable once read, shared by all cores.
//
// Every field has its default here, and its name, bounds and text in the table of settings (config/settings.h), from
// which parser, --check, man page and docs/configuration.md are made. Paths are absolute here (in the file they are
// relative to it). A reload makes a new value; sessions finish under the one they began with.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <ringpost/base/event_log.h>

namespace ringpost::config {

using std::chrono::milliseconds;

struct Endpoint {       // "127.0.0.1:1110", "[::1]:1110"
  std::string address;  // numeric, without brackets
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

enum class RequireTls : std::uint8_t { before_login, clear_text_passwords, never };
enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };
enum class Mechanism : std::uint8_t { user, plain };

struct Appliance {
  std::string hostname;               // default: the machine's
  std::string data_dir;               // default "data"
  std::vector<std::uint32_t> cores;   // CPU numbers; empty = "auto": all that the process may use
  std::uint32_t core_count = 0;       // cores = 2: the first two of them; 0: no such bound
  std::string user;                   // empty: the owner of data_dir, or `ringpost` where that is root
  std::uint32_t descriptors_max = 0;  // 0: as many as the machine's hard limit allows
  milliseconds drain_timeout = std::chrono::seconds(10);  // SIGTERM: sessions may finish what they do for so long
  bool watch_switches = false;  // a core also counts turns in which it waited for anything but its ring
};

struct Accounts {
  std::string file;       // default "users"
  bool fold_case = true;  // account names are compared without regard to ASCII case
  std::uint64_t cache_octets_max = 16 << 20;
  milliseconds cache_time_to_live = std::chrono::hours(1);
  milliseconds failure_grid = milliseconds(250);
  std::uint32_t hash_threads = 1;
  std::uint32_t hash_queue_max = 256;
  std::uint32_t argon2_memory_kib = 19456;
  std::uint32_t argon2_passes = 2;
};

struct Store {
  std::uint64_t summary_octets_max = std::uint64_t{256} << 20;  // all cores together
  std::uint32_t open_files_max = 1024;                          // cached maildrop descriptors a core
  std::uint64_t compaction_floor = 1 << 20;
  std::uint64_t reserve = std::uint64_t{64} << 20;
  std::uint64_t spool_threshold = 256 << 10;
  std::uint32_t gather_octets_max = 4096;  // replies up to this size are gathered, larger ones leave by sendfile
  milliseconds acknowledge_wait = std::chrono::seconds(30);  // M6
  milliseconds takeover_silence = std::chrono::seconds(10);  // M13
  std::uint32_t file_threads = 2;
  std::uint32_t file_queue_max = 1024;
  bool replace_nul = false;  // M20
};

struct Certificate {
  std::string name;
  std::string chain;  // a file: the certificate first, then what leads to its root
  std::string key;    // a file
};

struct VirtualServer {
  std::string name;
  bool enabled = true;
  std::vector<Endpoint> pop3;   // in clear, until STLS
  std::vector<Endpoint> pop3s;  // TLS from the first octet (RFC 8314)
  std::string certificate;      // the name of one; empty: no TLS
  TlsVersion tls_minimum = TlsVersion::tls_1_2;
  RequireTls require_tls = RequireTls::before_login;
  std::vector<Mechanism> authentication = {Mechanism::user, Mechanism::plain};
  std::string banner = "ready";
  bool announce_version = false;
  std::uint32_t max_connections = 20000;
  std::uint32_t max_connections_per_account = 10;
  milliseconds login_timeout = std::chrono::minutes(1);
  milliseconds idle_timeout = std::chrono::minutes(30);  // at least 10 min (RFC 1939 section 3)
  milliseconds send_timeout = std::chrono::minutes(5);   // without an octet taken by the peer
  std::uint32_t commands_before_login_max = 50;
  std::uint32_t errors_max = 20;
  std::uint32_t failed_logins_max = 5;  // a session
  std::uint32_t pipelined_octets_max = 8192;
  milliseconds login_delay = milliseconds(0);  // soft (A8); 0: none
  std::int32_t expire_days = -1;               // announced by EXPIRE; -1: NEVER
};

struct Admin {
  std::string socket;          // default "admin.sock"
  std::vector<Endpoint> http;  // loopback only
};

struct Log {
  bool json = false;
  LogLevel level = LogLevel::info;
  std::string file;                          // empty: stderr
  std::uint64_t queue_octets_max = 1 << 20;  // events on their way from one core to the file; further ones are dropped
};

struct Configuration {
  std::string path;  // the file it came from
  Appliance appliance;
  Accounts accounts;
  Store store;
  std::vector<Certificate> certificates;
  std::vector<VirtualServer> virtual_servers;
  Admin admin;
  Log log;
};

}  // namespace ringpost::config
