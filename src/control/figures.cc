#include "figures.h"

#include <fmt/format.h>

#include <ringpost/pop3/session_list.h>

namespace ringpost::control {
namespace {

struct OfCore {
  std::uint64_t sessions = 0;
  pop3::SessionCounters session;
  ring::SendCounters sends;
  ring::CoreCounters core;
  store::StoreCounters store;
  accounts::AuthenticatorCounters accounts;
};

// Every counter has one row: where it stands, its name, its kind, its sentence.
template <typename T>
struct Row {
  std::uint64_t T::* counter;
  const char* name;
  bool is_gauge;
  const char* sentence;
};

using Session = pop3::SessionCounters;
constexpr Row<Session> session_rows[] = {
    {&Session::accepted, "connections_accepted_total", false, "Connections that began a session."},
    {&Session::refused_full, "connections_refused_total", false, "Connections over max_connections."},
    {&Session::logged_in, "logins_total", false, "Logins that were granted."},
    {&Session::login_failures, "login_failures_total", false, "Logins that were refused."},
    {&Session::login_delayed, "logins_delayed_total", false, "Logins that came before login_delay was over."},
    {&Session::in_use, "logins_in_use_total", false, "Logins that met a held maildrop."},
    {&Session::refused_unseen, "logins_refused_unseen_total", false, "Credentials refused without a look at them."},
    {&Session::tls_begun, "tls_handshakes_total", false, "TLS handshakes that were finished."},
    {&Session::tls_failed, "tls_handshakes_failed_total", false, "TLS handshakes that failed, timed out or were left."},
    {&Session::updates_refused, "updates_refused_total", false, "Deletions that were refused at QUIT."},
    {&Session::ended_by_quit, "sessions_ended_by_quit_total", false, "Sessions that ended by QUIT."},
    {&Session::ended_otherwise, "sessions_ended_otherwise_total", false, "Sessions that ended without QUIT."},
    {&Session::commands, "commands_total", false, "Commands received."},
    {&Session::errors, "commands_refused_total", false, "Commands that were refused."},
    {&Session::retrieved, "messages_retrieved_total", false, "Messages sent by RETR."},
    {&Session::topped, "messages_topped_total", false, "Messages sent by TOP."},
    {&Session::deleted, "messages_deleted_total", false, "Messages deleted at QUIT."},
    {&Session::octets_in, "octets_received_total", false, "Octets received from clients."},
    {&Session::octets_out, "octets_sent_total", false, "Octets handed over for clients."}};

using Sends = ring::SendCounters;
constexpr Row<Sends> send_rows[] = {
    {&Sends::octets_by_ring, "octets_sent_by_ring_total", false, "Octets sent through the ring."},
    {&Sends::octets_by_sendfile, "octets_sent_by_sendfile_total", false, "Octets sent straight from files."},
    {&Sends::octets_gathered, "octets_gathered_total", false,
     "Octets of small answers gathered by reads that never wait."},
    {&Sends::octets_cold, "octets_cold_total", false,
     "Octets that were not in the page cache and were read through the ring."}};

using CoreCount = ring::CoreCounters;
constexpr Row<CoreCount> core_rows[] = {
    {&CoreCount::turns, "turns_total", false, "Turns of the cores' loops."},
    {&CoreCount::turns_long, "turns_long_total", false, "Turns over 5 ms."},
    {&CoreCount::turns_switched, "turns_switched_total", false,
     "Turns with a voluntary context switch (only where watched)."},
    {&CoreCount::ring_calls, "ring_calls_total", false, "Calls of io_uring_enter."},
    {&CoreCount::direct_calls, "direct_calls_total", false, "Other system calls of the cores."},
    {&CoreCount::submissions, "submissions_total", false, "Operations given to the rings."},
    {&CoreCount::completions, "completions_total", false, "Completions taken from the rings."},
    {&CoreCount::late_completions, "late_completions_total", false, "Completions for a slot's earlier owner."},
    {&CoreCount::receive_buffers_short, "receive_buffers_short_total", false, "Receives that found no free buffer."},
    {&CoreCount::messages, "core_messages_total", false, "Messages delivered to cores."},
    {&CoreCount::wakes, "core_wakes_total", false, "Sleeping cores woken by others."},
    {&CoreCount::jobs, "jobs_total", false, "Jobs given to the pools."},
    {&CoreCount::jobs_refused, "jobs_refused_total", false, "Jobs refused by a full pool."},
    {&CoreCount::accepted, "sockets_accepted_total", false, "Sockets accepted."}};

using StoreCount = store::StoreCounters;
constexpr Row<StoreCount> store_rows[] = {
    {&StoreCount::appends, "messages_appended_total", false, "Messages appended durably."},
    {&StoreCount::append_batches, "append_batches_total", false, "Writes that carried them."},
    {&StoreCount::syncs, "syncs_total", false, "Syncs of maildrops."},
    {&StoreCount::failed_syncs, "syncs_failed_total", false, "Syncs that failed."},
    {&StoreCount::failed_writes, "writes_failed_total", false, "Writes that failed."},
    {&StoreCount::opens_from_summary, "opens_from_summary_total", false, "Maildrops opened without touching a file."},
    {&StoreCount::opens_from_index, "opens_from_index_total", false, "Maildrops opened from their index."},
    {&StoreCount::opens_by_scan, "opens_by_scan_total", false, "Maildrops opened by a scan of their log."},
    {&StoreCount::skips_written, "skips_written_total", false, "Skips that recovery wrote."},
    {&StoreCount::damage_found, "damage_found_total", false, "Stretches of damage that were found."},
    {&StoreCount::updates, "updates_total", false, "Updates that deleted something."},
    {&StoreCount::messages_deleted, "store_messages_deleted_total", false, "Messages deleted durably."},
    {&StoreCount::compactions, "compactions_total", false, "Maildrops compacted."},
    {&StoreCount::truncations, "truncations_total", false, "Maildrops that became empty."},
    {&StoreCount::takeovers, "takeovers_total", false, "Locks taken over from dead peers."},
    {&StoreCount::in_use, "in_use_total", false, "Opens that met a held lock."},
    {&StoreCount::summary_octets, "summary_octets", true, "Memory of message lists."},
    {&StoreCount::summary_messages, "summary_messages", true, "Messages in them."},
    {&StoreCount::files_cached, "maildrop_files_cached", true, "Maildrop files kept open."},
    {&StoreCount::reserve_missing, "reserve_missing_octets", true, "Octets that the reserve lacks."}};

using Auth = accounts::AuthenticatorCounters;
constexpr Row<Auth> account_rows[] = {
    {&Auth::granted, "passwords_granted_total", false, "Passwords that were right."},
    {&Auth::refused, "passwords_refused_total", false, "Passwords that were not."},
    {&Auth::temporary, "passwords_unanswered_total", false, "Passwords that could not be checked."},
    {&Auth::cache_hits, "login_cache_hits_total", false, "Logins answered from the cache."},
    {&Auth::cache_misses, "login_cache_misses_total", false, "Logins that were not in it."},
    {&Auth::hashes, "password_hashes_total", false, "Hashes computed."},
    {&Auth::cache_octets, "login_cache_octets", true, "Memory of the login cache."}};

template <typename T, std::size_t N>
void add(T& sum, const T& part, const Row<T> (&rows)[N]) {
  for (const Row<T>& row : rows) sum.*row.counter += part.*row.counter;
}

void append(std::string& text, const char* name, bool is_gauge, const char* sentence, double value) {
  text += fmt::format("# HELP ringpost_{0} {1}\n# TYPE ringpost_{0} {2}\nringpost_{0} {3}\n", name, sentence,
                      is_gauge ? "gauge" : "counter", value);
}

template <typename T, std::size_t N>
void append(std::string& text, const T& counters, const Row<T> (&rows)[N]) {
  for (const Row<T>& row : rows)
    text += fmt::format("# HELP ringpost_{0} {1}\n# TYPE ringpost_{0} {2}\nringpost_{0} {3}\n", row.name, row.sentence,
                        row.is_gauge ? "gauge" : "counter", counters.*row.counter);
}

void append_pool(std::string& text, const char* name, const ring::WorkerPool::Counters& pool) {
  text += fmt::format("ringpost_pool_jobs_total{{pool=\"{0}\"}} {1}\nringpost_pool_refused_total{{pool=\"{0}\"}} {2}\n",
                      name, pool.finished, pool.refused_full);
}

}  // namespace

void gather_figures(CoreSet& cores, Appliance& appliance, std::function<void(const Figures&)> then) {
  auto parts = std::make_shared<std::vector<OfCore>>(cores.count());
  on_each_core(
      cores,
      [parts](ring::CoreIndex core, CoreServices& services) {
        OfCore& mine = (*parts)[core.value];
        mine = {services.sessions->count(), *services.session_counters,     *services.sends,
                *services.core_counters,    services.maildrops->counters(), services.authenticator->counters()};
      },
      [parts, &appliance, then = std::move(then)] {
        Figures figures;
        for (const OfCore& part : *parts) {
          figures.sessions += part.sessions;
          figures.sessions_by_core.push_back(part.sessions);
          add(figures.session, part.session, session_rows);
          add(figures.sends, part.sends, send_rows);
          add(figures.core, part.core, core_rows);
          add(figures.store, part.store, store_rows);
          add(figures.accounts, part.accounts, account_rows);
          figures.core.turn_longest_ns = std::max(figures.core.turn_longest_ns, part.core.turn_longest_ns);
        }
        figures.seconds_running = appliance.seconds_running();
        figures.log = appliance.log_counters();
        figures.pools = appliance.pool_counters();
        then(figures);
      });
}

std::string prometheus_text(const Figures& figures) {
  std::string text;
  append(text, "uptime_seconds", true, "Seconds since the start.", figures.seconds_running);
  text += "# HELP ringpost_sessions Sessions alive now.\n# TYPE ringpost_sessions gauge\n";
  for (std::size_t core = 0; core < figures.sessions_by_core.size(); ++core)
    text += fmt::format("ringpost_sessions{{core=\"{}\"}} {}\n", core, figures.sessions_by_core[core]);
  append(text, figures.session, session_rows);
  append(text, figures.sends, send_rows);
  append(text, figures.core, core_rows);
  append(text, "turn_longest_seconds", true, "The longest turn so far.",
         static_cast<double>(figures.core.turn_longest_ns) / 1e9);
  append(text, figures.store, store_rows);
  append(text, figures.accounts, account_rows);
  append(text, "log_lines_total", false, "Lines written to the log.", static_cast<double>(figures.log.lines));
  append(text, "log_events_dropped_total", false, "Events dropped because the log was behind.",
         static_cast<double>(figures.log.dropped));
  append(text, "log_writes_failed_total", false, "Writes to the log that failed.",
         static_cast<double>(figures.log.failed_writes));
  text += "# HELP ringpost_pool_jobs_total Jobs that a pool has done.\n# TYPE ringpost_pool_jobs_total counter\n";
  text +=
      "# HELP ringpost_pool_refused_total Jobs that a full pool refused.\n# TYPE ringpost_pool_refused_total counter\n";
  append_pool(text, "credentials", figures.pools.credentials);
  append_pool(text, "files", figures.pools.files);
  return text;
}

}  // namespace ringpost::control
