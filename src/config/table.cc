#include "table.h"

namespace ringpost::config {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t many = 1'000'000;
constexpr milliseconds days = 24h;

void read_cores(Appliance& table, const Given& given, const Surroundings&, Faults& faults, const std::string& allowed) {
  if (given.kind == Given::Kind::text && given.text == "auto") return;
  if (given.kind == Given::Kind::integer && given.integer >= 1 && given.integer <= 1024) {
    table.core_count = static_cast<std::uint32_t>(given.integer);
    return;
  }
  if (given.kind != Given::Kind::list || given.items.empty()) return detail::refuse(given, allowed, faults);
  std::vector<std::uint32_t> cores;
  for (const Given& item : given.items) {
    if (item.kind != Given::Kind::integer || item.integer < 0 || item.integer > 4095)
      return detail::refuse(item, allowed, faults);
    const auto core = static_cast<std::uint32_t>(item.integer);
    for (const std::uint32_t other : cores)
      if (other == core) return faults.push_back({item.line, fmt::format("CPU {} is named twice", core)});
    cores.push_back(core);
  }
  table.cores = std::move(cores);
}

Setting<Appliance> cores() {
  std::string allowed = "\"auto\", a count from 1 to 1024, or a list of CPU numbers";
  const About about{"The CPU cores that serve: all that the process may use, the first so many of them, or just those.",
                    Applies::restart};
  return {detail::text<Appliance>("cores", allowed, "\"auto\"", about),
          [=](Appliance& table, const Given& given, const Surroundings& around, Faults& faults) {
            read_cores(table, given, around, faults, allowed);
          },
          [](const Appliance& a, const Appliance& b) { return a.cores == b.cores && a.core_count == b.core_count; }};
}

const std::vector<Choice<Mechanism>> mechanisms = {{"user", Mechanism::user}, {"plain", Mechanism::plain}};
constexpr std::string_view later_mechanisms[] = {
    "login", "scram-sha-256", "scram-sha-256-plus", "ntlm", "oauthbearer", "xoauth2", "external", "cram-md5", "apop"};

void read_mechanism(const Given& item, std::vector<Mechanism>& taken, const std::string& allowed, Faults& faults) {
  const bool is_text = item.kind == Given::Kind::text;
  if (is_text && item.text == "none")
    return faults.push_back({item.line,
                             "\"none\" is refused: a virtual server offers at least one mechanism (RFC 1939 "
                             "section 4); enabled = false switches the whole server off"});
  for (const auto& each : mechanisms)
    if (is_text && each.name == item.text) return taken.push_back(each.value);
  for (const std::string_view name : later_mechanisms)
    if (is_text && name == item.text)
      return faults.push_back(
          {item.line, fmt::format("\"{}\" is not supported yet; allowed: {}", name, allowed), true});
  detail::refuse(item, allowed, faults);
}

Setting<VirtualServer> authentication() {
  std::string allowed = "a list of at least one of " + names_of(mechanisms);
  const About about{"How clients may log in: \"user\" is USER and PASS, \"plain\" is AUTH PLAIN.",
                    Applies::next_session, "RFC 1939 section 4, RFC 5034"};
  return {detail::text<VirtualServer>("authentication", allowed, "[\"user\", \"plain\"]", about),
          [=](VirtualServer& table, const Given& given, const Surroundings&, Faults& faults) {
            if (given.kind == Given::Kind::text && given.text == "none")
              return read_mechanism(given, table.authentication, allowed, faults);
            if (given.kind != Given::Kind::list || given.items.empty()) return detail::refuse(given, allowed, faults);
            std::vector<Mechanism> taken;
            for (const Given& item : given.items) read_mechanism(item, taken, allowed, faults);
            if (!taken.empty()) table.authentication = std::move(taken);
          },
          detail::same<VirtualServer>(&VirtualServer::authentication)};
}

Setting<VirtualServer> expire() {
  std::string allowed = "\"never\" or a whole number of days from 0 to 36500";
  const About about{
      "What the EXPIRE capability announces: how many days mail stays on the server. Nothing is deleted by it.",
      Applies::next_session, "RFC 2449 section 6.7"};
  return {detail::text<VirtualServer>("expire_days", allowed, "\"never\"", about),
          [=](VirtualServer& table, const Given& given, const Surroundings&, Faults& faults) {
            if (given.kind == Given::Kind::integer && given.integer >= 0 && given.integer <= 36500)
              table.expire_days = static_cast<std::int32_t>(given.integer);
            else if (given.kind == Given::Kind::text && given.text == "never")
              table.expire_days = -1;
            else
              detail::refuse(given, allowed, faults);
          },
          detail::same<VirtualServer>(&VirtualServer::expire_days)};
}

}  // namespace

const Table<Appliance>& appliance_table() {
  static const Table<Appliance> table{
      "appliance",
      "The machine as a whole.",
      false,
      {
          words(&Appliance::hostname, "hostname", 0, 255, "",
                {"The name in greetings and logs. Empty: the machine's own name.", Applies::next_session}),
          path(&Appliance::data_dir, "data_dir", "data",
               {"The folder that holds all maildrops. One daemon owns it.", Applies::restart}),
          cores(),
          words(&Appliance::user, "user", 0, 32, "",
                {"The user that serves, when the daemon is started as root. Empty: the owner of data_dir; where that "
                 "is root "
                 "or data_dir does not exist yet, the user \"ringpost\", and where there is none, \"nobody\".",
                 Applies::restart}),
          count(&Appliance::descriptors_max, "descriptors_max", 0, 16 * many,
                {"Sockets and files that may be open at a time. 0: as many as the machine's hard limit allows.",
                 Applies::restart}),
          duration(&Appliance::drain_timeout, "drain_timeout", 0s, 1h,
                   {"How long sessions may finish what they are doing when the daemon is told to stop."}),
          flag(
              &Appliance::watch_switches, "watch_switches",
              {"Whether a core also counts the turns in which it waited for anything but its next completions, such as "
               "a disk: one more system call a turn, for benchmarks.",
               Applies::restart}),
      },
      {}};
  return table;
}

const Table<AccountsTable>& accounts_table() {
  static const Table<AccountsTable> table{
      "accounts",
      "Who may log in, and how passwords are checked.",
      false,
      {
          choice(&AccountsTable::backend, "backend", {{"file", AccountsTable::Backend::file}},
                 {"ldap", "pam", "sql", "active-directory", "oauth2"}, {"Where accounts are kept.", Applies::reload}),
          path<AccountsTable>(
              &AccountsTable::file, "file", "users",
              {"The accounts file: one account a line, name:{SCHEME}secret, as Dovecot's passwd-file."}),
          flag<AccountsTable>(&AccountsTable::fold_case, "fold_case",
                              {"Whether account names are compared without regard to ASCII case.", Applies::restart}),
          size<AccountsTable>(&AccountsTable::cache_octets_max, "cache_size", 0, std::uint64_t{1} << 40,
                              {"Memory of the login cache, all cores together. It spares a returning client the cost "
                               "of hashing its password.",
                               Applies::restart}),
          duration<AccountsTable>(&AccountsTable::cache_time_to_live, "cache_time_to_live", 0s, 30 * days,
                                  {"How long an entry of the login cache is good.", Applies::restart}),
          duration<AccountsTable>(
              &AccountsTable::failure_grid, "failure_grid", 0s, 10s,
              {"A refused login is answered on a grid of this width, so that the time tells nothing; later with every "
               "failure.",
               Applies::restart}),
          count<AccountsTable, std::uint32_t>(&AccountsTable::hash_threads, "hash_threads", 1, 256,
                                              {"Threads that check passwords.", Applies::restart}),
          count<AccountsTable, std::uint32_t>(
              &AccountsTable::hash_queue_max, "hash_queue_max", 1, many,
              {"Logins that may wait for such a thread; a further one is told to come back.", Applies::restart,
               "RFC 3206 section 4"}),
          count<AccountsTable, std::uint32_t>(
              &AccountsTable::argon2_memory_kib, "argon2_memory", 8, 4 * many,
              {"Memory in KiB that hashing a new password takes (argon2id).", Applies::reload, "RFC 9106 section 4"}),
          count<AccountsTable, std::uint32_t>(&AccountsTable::argon2_passes, "argon2_passes", 1, 100,
                                              {"Passes over that memory.", Applies::reload, "RFC 9106 section 4"}),
      },
      {}};
  return table;
}

const Table<Store>& store_table() {
  static const Table<Store> table{
      "store",
      "How maildrops are kept.",
      false,
      {
          size(&Store::summary_octets_max, "summary_size", 1 << 20, std::uint64_t{1} << 42,
               {"Memory for the message lists of maildrops, all cores together: a poll of an unchanged maildrop "
                "touches no file.",
                Applies::restart}),
          count(&Store::open_files_max, "open_files_max", 1, many,
                {"Maildrops whose file is kept open for the next download, for each core.", Applies::restart}),
          size(&Store::compaction_floor, "compaction_floor", 64 << 10, std::uint64_t{1} << 40,
               {"Deleted mail of a maildrop is given back to the disk when it is more than this and more than what "
                "lives.",
                Applies::restart}),
          size(&Store::reserve, "reserve", 0, std::uint64_t{1} << 40,
               {"Room that is kept so that people can delete on a full disk; while it is not whole, imports are "
                "refused.",
                Applies::restart}),
          size(&Store::spool_threshold, "spool_threshold", 4 << 10, std::uint64_t{64} << 20,
               {"Incoming messages up to this size wait in memory, larger ones in an unnamed file.", Applies::restart}),
          size(&Store::gather_octets_max, "gather_size", 0, 1 << 20,
               {"Answers up to this size are gathered and sent together; larger ones leave straight from the file.",
                Applies::restart}),
          duration(&Store::acknowledge_wait, "acknowledge_wait", 1s, 10min,
                   {"At QUIT with deletions: how long the client's machine may take to acknowledge more of the last "
                    "download; "
                    "else nothing is deleted.",
                    Applies::restart}),
          duration(&Store::takeover_silence, "takeover_silence", 5s, 1h,
                   {"How long a session must have been silent before its own client's next login may take its place.",
                    Applies::restart}),
          count(&Store::file_threads, "file_threads", 1, 256, {"Threads for slow file work.", Applies::restart}),
          count(&Store::file_queue_max, "file_queue_max", 1, many,
                {"Jobs that may wait for such a thread; a further one is refused for now.", Applies::restart}),
          flag(&Store::replace_nul, "replace_nul",
               {"Whether NUL octets in incoming mail become 0x80, for old Outlook that stops at a NUL.",
                Applies::restart}),
      },
      {}};
  return table;
}

// Nothing of it is built yet, and each key says so for itself.
const Table<Store>& delivery_table() {
  static const Table<Store> table{
      "delivery", "Mail that arrives.", false, {}, {{"lmtp", "delivery by LMTP"}, {"max_message", "delivery by LMTP"}}};
  return table;
}

const Table<Certificate>& certificate_table() {
  static const Table<Certificate> table{
      "certificate",
      "A certificate and its key. May stand any number of times.",
      true,
      {
          words(&Certificate::name, "name", 1, 64, "main", {"What virtual servers call it; no two bear the same."}),
          path(&Certificate::chain, "chain", "tls/main.pem",
               {"The file with the certificate and then the chain to its root, in PEM. Read again at each reload."}),
          path(&Certificate::key, "key", "tls/main.key",
               {"The file with its key, in PEM and without a pass phrase. Read again at each reload."}),
      },
      {}};
  return table;
}

const Table<VirtualServer>& virtual_server_table() {
  using V = VirtualServer;
  constexpr Applies next = Applies::next_session;
  static const Table<V> table{
      "virtual_server",
      "A POP3 server with its own addresses and rules. May stand any number of times.",
      true,
      {
          words(&V::name, "name", 1, 64, "pop3", {"Its name in logs and figures; no two bear the same.", next}),
          flag(&V::enabled, "enabled", {"Whether it listens."}),
          endpoints(&V::pop3, "pop3", Reach::internal, "loopback or private",
                    "what the outside may reach is opened by publishing rules, which are not supported yet",
                    {"Addresses for POP3 in clear, until STLS where there is a certificate."}),
          endpoints(&V::pop3s, "pop3s", Reach::internal, "loopback or private",
                    "what the outside may reach is opened by publishing rules, which are not supported yet",
                    {"Addresses for POP3 with TLS from the first octet.", Applies::reload, "RFC 8314 section 3.3"}),
          words(&V::certificate, "certificate", 0, 64, "",
                {"The name of the certificate that clients are shown. Empty: no TLS here.", next}),
          choice<V, TlsVersion>(&V::tls_minimum, "tls_minimum",
                                {{"1.2", TlsVersion::tls_1_2}, {"1.3", TlsVersion::tls_1_3}}, {},
                                {"The least TLS version that is spoken.", next, "RFC 9325 section 3.1"}),
          choice(&V::require_tls, "require_tls",
                 {{"before-login", RequireTls::before_login},
                  {"clear-text-passwords", RequireTls::clear_text_passwords},
                  {"never", RequireTls::never}},
                 {},
                 {"When a client must have begun TLS: before any login, before mechanisms that send the password, or "
                  "never.",
                  next, "RFC 2595 section 2.3, RFC 8314 section 4"}),
          authentication(),
          words(&V::banner, "banner", 0, 200, "ready", {"The words of the greeting.", next}),
          flag(&V::announce_version, "announce_version",
               {"Whether IMPLEMENTATION tells Ringpost's version.", next, "RFC 2449 section 6.9"}),
          count(&V::max_connections, "max_connections", 1, 16 * many,
                {"Connections at a time, all cores together; a further one is told so and closed.", next}),
          count(&V::max_connections_per_account, "max_connections_per_account", 1, many,
                {"Sessions at a time that may have given one account's name.", next}),
          duration(&V::login_timeout, "login_timeout", 5s, 1h,
                   {"How long a client may stay silent before it has logged in. Shorter than the RFC's ten minutes on "
                    "purpose: "
                    "whoever has not logged in has nothing to lose.",
                    next}),
          duration(
              &V::idle_timeout, "idle_timeout", 10min, 7 * days,
              {"How long a logged-in client may stay silent before its connection is closed without deleting anything.",
               next, "RFC 1939 section 3"}),
          duration(&V::send_timeout, "send_timeout", 10s, 1h,
                   {"How long a client may take nothing of what is being sent to it.", next}),
          count(&V::commands_before_login_max, "commands_before_login_max", 5, many,
                {"Commands before login; then the connection ends.", next}),
          count(&V::errors_max, "errors_max", 1, many,
                {"Refused commands in a session; then the connection ends.", next}),
          count(&V::failed_logins_max, "failed_logins_max", 1, 1000,
                {"Failed logins on one connection; then it ends.", next}),
          size(&V::pipelined_octets_max, "pipelined_size", 1 << 10, 1 << 20,
               {"Commands sent ahead that are held for a busy session; then the client has to wait.", next}),
          duration(&V::login_delay, "login_delay", 0s, 1 * days,
                   {"The least time between two logins of an account, announced and asked for softly. \"0s\": none.",
                    next, "RFC 2449 section 6.5"}),
          expire(),
      },
      {{"allow", "client sets"}, {"deny", "client sets"}}};
  return table;
}

const Table<Admin>& admin_table() {
  static const Table<Admin> table{
      "admin",
      "How the running daemon is looked after.",
      false,
      {
          path(&Admin::socket, "socket", "admin.sock",
               {"The socket that `ringpost` talks to. Only the owner of it and root may.", Applies::restart}),
          endpoints(&Admin::http, "http", Reach::loopback, "loopback", "figures are not for the outside",
                    {"Addresses for figures, at http://ADDRESS/metrics.", Applies::restart}),
      },
      {}};
  return table;
}

const Table<LogTable>& log_table() {
  static const Table<LogTable> table{
      "log",
      "The event log: one line an event.",
      false,
      {
          choice(&LogTable::format, "format", {{"text", LogTable::Format::text}, {"json", LogTable::Format::json}},
                 {"w3c"}, {"key=value lines, or one JSON object a line."}),
          choice<LogTable, LogLevel>(&LogTable::level, "level",
                                     {{"debug", LogLevel::debug},
                                      {"info", LogLevel::info},
                                      {"warning", LogLevel::warning},
                                      {"error", LogLevel::error}},
                                     {}, {"The least serious events that are written."}),
          path<LogTable>(&LogTable::file, "file", "",
                         {"The file to append to, opened anew at each reload. Empty: standard error, or the journal "
                          "under systemd."}),
          size<LogTable>(
              &LogTable::queue_octets_max, "queue_size", 16 << 10, 1 << 30,
              {"Room for events on their way from one core to the log; further ones are dropped and counted.",
               Applies::restart}),
      },
      {}};
  return table;
}

const std::vector<LaterName>& later_tables() {
  static const std::vector<LaterName> names = {{"acme", "certificates from a certification authority"},
                                               {"client_sets", "client sets"},
                                               {"publishing_rule", "publishing rules"},
                                               {"filter", "flood limits and bans"},
                                               {"relay", "relaying"},
                                               {"console", "the console"},
                                               {"backup", "scheduled backups"}};
  return names;
}

}  // namespace ringpost::config
