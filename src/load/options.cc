#include "options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <netdb.h>
#include <sched.h>
#include <stdexcept>

namespace ringpost::load {
namespace {

constexpr const char* description = "Puts load on a POP3 server and measures it. Every answer is checked.";

constexpr const char* footer = R"(
Scenarios
  poll      what a mail client does every few minutes: connect, USER, PASS, STAT, UIDL (or what --list says), QUIT
  download  a poll that also fetches messages by RETR: all of them, or --messages N out of --message A..B
  mixed     polls, of which the part --download-share also downloads
  idle      logs in on --connections connections, stays silent for --duration, then QUIT

Closed loop (default): --connections sessions at once, the next begins when one ends.
Open loop (--rate): sessions are due by schedule however slow the server is, and a session's latency counts from the
moment it was due, so that waiting for a slow server is not left out.

Exit status: 0 all answers right, 1 any failure, 2 wrong usage.

Examples
  ringpost-load poll 127.0.0.1:1110 --accounts 'u{0..99}' --password secret --connections 64 --duration 10s
  ringpost-load download 127.0.0.1:1110 --accounts 'u{0..99}' --password secret --message 2..20 --messages 10
  ringpost-load poll 127.0.0.1:1110 --accounts 'u{0..99}' --password secret --rate 2000 --json)";

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(fmt::format("cannot read {}", path));
  return {std::istreambuf_iterator<char>(in), {}};
}

// HOST, HOST:PORT or [V6]:PORT.
Address resolve(const std::string& server) {
  std::string host = server, port = "110";
  auto colon = server.rfind(':');
  if (server.starts_with('[')) {
    auto close = server.find(']');
    if (close == std::string::npos) throw std::runtime_error(fmt::format("'{}' lacks a ]", server));
    host = server.substr(1, close - 1);
    if (colon > close) port = server.substr(colon + 1);
  } else if (colon != std::string::npos && server.find(':') == colon) {
    host = server.substr(0, colon);
    port = server.substr(colon + 1);
  }
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
    throw std::runtime_error(fmt::format("'{}': {}", server, gai_strerror(error)));
  Address address;
  address.length = found->ai_addrlen;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

// "7", "2..20", "5.." (to the last).
void take_message_range(const std::string& text, Plan& plan) {
  auto dots = text.find("..");
  auto number = [&](std::string_view part) {
    std::uint32_t value = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc{} || end != part.data() + part.size() || value == 0)
      throw std::runtime_error(fmt::format("--message '{}' is no number and no range such as 2..20", text));
    return value;
  };
  std::string_view view = text;
  plan.first_message = number(view.substr(0, dots));
  if (dots == std::string::npos)
    plan.last_message = plan.first_message;
  else if (dots + 2 < text.size())
    plan.last_message = number(view.substr(dots + 2));
  if (plan.last_message != 0 && plan.last_message < plan.first_message)
    throw std::runtime_error(fmt::format("--message '{}' ends before it begins", text));
}

// A run that is not pinned where it was told to be measures something else.
void check_cpus(const std::vector<int>& cpus) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (cpus.empty() || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu : cpus)
    if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(static_cast<std::size_t>(cpu), &allowed))
      throw std::runtime_error(fmt::format("--cpu: this process may not use CPU {}", cpu));
}

struct Raw {
  std::string accounts, accounts_file, password, password_file, message, duration, timeout = "30s";
  double rate = 0;
  std::uint64_t sessions = 0;
  bool tls = false;
};

void declare(CLI::App& app, Options& options, Raw& raw) {
  static const std::map<std::string, Scenario> scenarios{
      {"poll", Scenario::poll}, {"download", Scenario::download}, {"mixed", Scenario::mixed}, {"idle", Scenario::idle}};
  static const std::map<std::string, Listing> listings{
      {"uidl", Listing::uidl}, {"list", Listing::list}, {"both", Listing::both}, {"none", Listing::none}};
  static const std::map<std::string, Arrivals> arrivals{{"even", Arrivals::even}, {"poisson", Arrivals::poisson}};
  auto& plan = options.plan;
  app.add_option("scenario", plan.scenario, "poll, download, mixed or idle")
      ->required()
      ->transform(CLI::CheckedTransformer(scenarios).description(""));
  app.add_option("server", options.server, "HOST, HOST:PORT or [IPV6]:PORT (port 110)")->required();
  app.add_option("--accounts", raw.accounts, "Accounts by pattern, such as u{0..999}");
  app.add_option("--accounts-file", raw.accounts_file, "Accounts from a file, a line each: NAME or NAME:PASSWORD");
  app.add_option("--password", raw.password, "Everybody's password (seen by all users of this machine: try the file)");
  app.add_option("--password-file", raw.password_file, "Everybody's password: the file's first line");
  app.add_flag("--shared-accounts", options.shared_accounts, "An account may be in several sessions at once");
  app.add_option("--connections", options.connections, "Sessions at once; in the open loop at most so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--opening", options.opening, "Sessions at once between connect and login (idle: 64)")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--rate", raw.rate, "Open loop: so many sessions a second are due")->check(CLI::PositiveNumber);
  app.add_option("--arrivals", options.arrivals, "Open loop: even (default) or poisson")
      ->transform(CLI::CheckedTransformer(arrivals).description(""));
  app.add_option("--seed", options.seed, "Seed of arrivals and of mixed")->capture_default_str();
  app.add_option("--duration", raw.duration, "Begin sessions for so long (10s, 500ms, 5m; default 10s)");
  app.add_option("--sessions", raw.sessions, "Begin so many sessions, no more")->check(CLI::PositiveNumber);
  app.add_option("--list", plan.listing, "What a poll asks after STAT: uidl (default), list, both or none")
      ->transform(CLI::CheckedTransformer(listings).description(""));
  app.add_option("--message", raw.message, "Messages that downloads choose from: 1, 2..20 or 5..");
  app.add_option("--messages", plan.messages, "Messages a download fetches, going round from session to session");
  app.add_flag("--pipeline", plan.pipeline, "Send all RETR commands of a download at once");
  app.add_option("--download-share", plan.download_share, "mixed: part of the sessions that download")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--timeout", raw.timeout, "Longest silence of the server")->capture_default_str();
  app.add_option("--failures-max", options.failures_max, "Stop after so many failures")->capture_default_str();
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--cpu", options.cpus, "Pin the threads to these CPUs, in turn")->delimiter(',');
  app.add_flag("--json", options.json, "Print the result as JSON");
  app.add_flag("--quiet", options.quiet, "No progress line");
  app.add_flag("--tls", raw.tls, "TLS from the first octet (not supported yet)");
}

Duration required_duration(const std::string& text, const char* what) {
  auto duration = duration_of(text);
  if (!duration || *duration <= Duration{0})
    throw std::runtime_error(fmt::format("{} '{}' is no duration such as 10s", what, text));
  return *duration;
}

void take_accounts(const Raw& raw, Options& options) {
  auto password = raw.password;
  if (!raw.password_file.empty()) {
    auto text = read_file(raw.password_file);
    password = text.substr(0, text.find_first_of("\r\n"));
  }
  if (!raw.accounts.empty()) {
    auto names = expand_pattern(raw.accounts);
    if (!names) throw std::runtime_error("--accounts: " + names.error());
    for (auto& name : *names) options.accounts.push_back({std::move(name), password});
  }
  if (!raw.accounts_file.empty())
    for (auto& account : accounts_of_text(read_file(raw.accounts_file), password))
      options.accounts.push_back(std::move(account));
  if (options.accounts.empty()) throw std::runtime_error("no accounts: give --accounts or --accounts-file");
}

void complete(const Raw& raw, bool opening_given, Options& options) {
  take_accounts(raw, options);
  check_cpus(options.cpus);
  options.timeout = required_duration(raw.timeout, "--timeout");
  if (!raw.message.empty()) take_message_range(raw.message, options.plan);
  if (raw.rate > 0) options.rate = raw.rate;
  if (raw.sessions > 0) options.sessions = raw.sessions;
  auto idle = options.plan.scenario == Scenario::idle;
  if (idle && options.rate) throw std::runtime_error("idle has no --rate");
  if (!raw.duration.empty())
    options.duration = required_duration(raw.duration, "--duration");
  else if (!options.sessions || idle)
    options.duration = std::chrono::seconds{10};
  if (idle)
    options.sessions = std::min<std::uint64_t>(options.sessions.value_or(options.connections), options.connections);
  if (idle && !opening_given) options.opening = 64;
  if (!options.shared_accounts && !options.rate && options.connections > options.accounts.size())
    throw std::runtime_error(fmt::format("{} connections need as many accounts, there are {} (or --shared-accounts)",
                                         options.connections, options.accounts.size()));
  options.threads = std::min({options.threads, options.connections, options.accounts.size()});
  options.address = resolve(options.server);
}

}  // namespace

std::optional<Duration> duration_of(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value) || value < 0) return {};
  auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  double seconds = unit.empty() || unit == "s" ? 1
                   : unit == "ms"              ? 1e-3
                   : unit == "us"              ? 1e-6
                   : unit == "m"               ? 60
                   : unit == "h"               ? 3600
                                               : 0;
  if (seconds == 0 || value * seconds > 1e8) return {};
  return Duration{static_cast<Duration::rep>(value * seconds * 1e9)};
}

std::expected<Options, int> options_of(int argc, const char* const* argv) try {
  CLI::App app{description, "ringpost-load"};
  app.footer(footer);
  Options options;
  Raw raw;
  declare(app, options, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return std::unexpected(app.exit(error) == 0 ? 0 : 2);
  }
  if (raw.tls) {
    fmt::print(stderr, "ringpost-load: --tls is not supported yet\n");
    return std::unexpected(2);
  }
  complete(raw, app.count("--opening") > 0, options);
  return options;
} catch (const std::exception& error) {
  fmt::print(stderr, "ringpost-load: {}\n", error.what());
  return std::unexpected(2);
}

}  // namespace ringpost::load
