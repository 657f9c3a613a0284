#include "report.h"

#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace ringpost::load {
namespace {

constexpr std::array<std::pair<const char*, double>, 4> percentiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}}};

double microseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e3;
}
double seconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e9;
}

const char* name_of(Scenario scenario) {
  constexpr std::array names{"poll", "download", "mixed", "idle"};
  return names[static_cast<std::size_t>(scenario)];
}

void add_row(std::string& table, std::string_view name, const Histogram& histogram) {
  if (histogram.count() == 0) return;
  table += fmt::format("  {:<9}{:>11}", name, histogram.count());
  table += fmt::format("{:>11.0f}", microseconds(histogram.mean()));
  for (auto [label, fraction] : percentiles)
    table += fmt::format("{:>11.0f}", microseconds(histogram.percentile(fraction)));
  table += fmt::format("{:>11.0f}\n", microseconds(histogram.max()));
}

nlohmann::ordered_json json_of(const Histogram& histogram) {
  nlohmann::ordered_json json{{"count", histogram.count()}, {"mean", microseconds(histogram.mean())}};
  for (auto [label, fraction] : percentiles) json[label] = microseconds(histogram.percentile(fraction));
  json["max"] = microseconds(histogram.max());
  return json;
}

}  // namespace

std::string table_of(const Outcome& outcome) {
  const auto& tally = outcome.tally;
  auto time = seconds(outcome.elapsed);
  auto sessions = tally.sessions.get();
  auto table =
      fmt::format("{} on {}, {:.2f} s\n", name_of(outcome.options.plan.scenario), outcome.options.server, time);
  table += fmt::format(
      "  sessions {}  ({:.1f} a second)   messages {}   received {:.1f} MB ({:.1f} MB/s)   client CPU {:.2f} s\n",
      sessions, static_cast<double>(sessions) / time, tally.messages,
      static_cast<double>(tally.octets_received.get()) / 1e6,
      static_cast<double>(tally.octets_received.get()) / 1e6 / time, seconds(outcome.client_cpu));
  if (outcome.options.rate) table += fmt::format("  most sessions due and not begun: {}\n", tally.backlog_max);
  table += fmt::format("  {:<9}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}\n", "us", "count", "mean", "p50", "p90",
                       "p99", "p99.9", "max");
  add_row(table, "session", tally.session);
  for (std::size_t i = 0; i < step_count; ++i) add_row(table, step_names[i], tally.steps[i]);
  table += fmt::format("  failures {}\n", tally.failures.get());
  for (std::size_t i = 0; i < failure_count; ++i)
    if (tally.failures_by_kind[i] > 0)
      table +=
          fmt::format("    {} {}, the first: {}\n", failure_names[i], tally.failures_by_kind[i], tally.first_words[i]);
  return table;
}

std::string json_of(const Outcome& outcome) {
  const auto& tally = outcome.tally;
  auto time = seconds(outcome.elapsed);
  nlohmann::ordered_json json{
      {"scenario", name_of(outcome.options.plan.scenario)},
      {"server", outcome.options.server},
      {"connections", outcome.options.connections},
      {"seconds", time},
      {"sessions", tally.sessions.get()},
      {"sessions_per_second", static_cast<double>(tally.sessions.get()) / time},
      {"messages", tally.messages},
      {"message_octets", tally.message_octets},
      {"octets_received", tally.octets_received.get()},
      {"octets_sent", tally.octets_sent},
      {"client_cpu_seconds", seconds(outcome.client_cpu)},
  };
  if (outcome.options.rate) {
    json["rate"] = *outcome.options.rate;
    json["backlog_max"] = tally.backlog_max;
  }
  json["failures"] = tally.failures.get();
  json["failures_by_kind"] = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < failure_count; ++i)
    if (tally.failures_by_kind[i] > 0)
      json["failures_by_kind"][std::string{failure_names[i]}] = {{"count", tally.failures_by_kind[i]},
                                                                 {"first", tally.first_words[i]}};
  json["latency_us"]["session"] = json_of(tally.session);
  for (std::size_t i = 0; i < step_count; ++i)
    if (tally.steps[i].count() > 0) json["latency_us"][std::string{step_names[i]}] = json_of(tally.steps[i]);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ringpost::load
