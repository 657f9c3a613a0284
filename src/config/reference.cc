// The texts that are made from the table of settings.
#include <fmt/format.h>

#include <ringpost/config/settings.h>

#include "table.h"

namespace ringpost::config {
namespace {

template <typename T>
TableText texts_of(const Table<T>& table) {
  TableText text{table.name, table.sentence, table.repeated, {}};
  for (const Setting<T>& setting : table.settings) {
    text.settings.push_back(setting.text);
    text.settings.back().table = table.name;
  }
  return text;
}

std::string_view when(Applies applies) {
  switch (applies) {
    case Applies::restart:
      return "at a restart";
    case Applies::reload:
      return "at a reload";
    case Applies::next_session:
      break;
  }
  return "at a reload, for sessions that begin after it";
}

std::string heading(const TableText& table) {
  return table.repeated ? fmt::format("[[{}]]", table.name) : fmt::format("[{}]", table.name);
}

// A line of troff text: a leading dot or quote is a request, a backslash an escape.
std::string troff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '"')
      out += "\\(dq";
    else
      out += c;
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

constexpr std::string_view conventions =
    "TOML. Every key has a default. An unknown key is an error, and so is one whose part is not built yet. Paths are "
    "relative to the "
    "file. Durations (\"10m\") and sizes (\"50MB\", counted by 1024) are strings. `ringpostd --config FILE --check` "
    "prints every "
    "error with file, line and key.";

}  // namespace

const std::vector<TableText>& settings() {
  static const std::vector<TableText> tables = {
      texts_of(appliance_table()),   texts_of(accounts_table()),       texts_of(store_table()),
      texts_of(certificate_table()), texts_of(virtual_server_table()), texts_of(admin_table()),
      texts_of(log_table())};
  return tables;
}

std::vector<std::string> changes_for_restart(const Configuration& before, const Configuration& after) {
  std::vector<std::string> keys;
  const auto compare = [&](const auto& table, const auto& a, const auto& b) {
    for (const auto& setting : table.settings)
      if (setting.text.applies == Applies::restart && !setting.same(a, b))
        keys.push_back(fmt::format("{}.{}", table.name, setting.text.key));
  };
  compare(appliance_table(), before.appliance, after.appliance);
  compare(accounts_table(), AccountsTable{before.accounts}, AccountsTable{after.accounts});
  compare(store_table(), before.store, after.store);
  compare(admin_table(), before.admin, after.admin);
  compare(log_table(), LogTable{before.log}, LogTable{after.log});
  return keys;
}

std::string reference_markdown() {
  std::string text = fmt::format(
      "# The configuration file\n\nMade from the table of settings by `ringpostd --reference`.\n\n{}\n", conventions);
  for (const TableText& table : settings()) {
    text += fmt::format(
        "\n## `{}`\n\n{}\n\n| key | default | allowed | a change counts | what it says |\n| --- | --- | --- | --- | "
        "--- |\n",
        heading(table), table.sentence);
    for (const SettingText& setting : table.settings)
      text += fmt::format("| `{}` | `{}` | {} | {} | {}{} |\n", setting.key, setting.default_value, setting.allowed,
                          when(setting.applies), setting.sentence,
                          setting.source.empty() ? "" : fmt::format(" ({})", setting.source));
  }
  return text;
}

std::string reference_man_page() {
  std::string text = fmt::format(
      ".TH RINGPOST.TOML 5 \"\" \"Ringpost\" \"File formats\"\n.SH NAME\nringpost.toml \\- configuration of the POP3 "
      "appliance "
      "Ringpost\n.SH DESCRIPTION\n{}\n",
      troff(conventions));
  for (const TableText& table : settings()) {
    text += fmt::format(".SH {}\n{}\n", troff(heading(table)), troff(table.sentence));
    for (const SettingText& setting : table.settings) {
      text += fmt::format(".TP\n.B {} = {}\n{}\nAllowed: {}. A change counts {}.\n", troff(setting.key),
                          troff(setting.default_value), troff(setting.sentence), troff(setting.allowed),
                          when(setting.applies));
      if (!setting.source.empty()) text += fmt::format("Source: {}.\n", troff(setting.source));
    }
  }
  text += ".SH SEE ALSO\n.BR ringpostd (8),\n.BR ringpost (1)\n";
  return text;
}

std::string commented_configuration() {
  std::string text =
      "# Ringpost's configuration. Every setting stands here as a comment with its default; see ringpost.toml(5).\n"
      "# Check a change with `ringpostd --config FILE --check`, then make it count with `ringpost reload`.\n";
  for (const TableText& table : settings()) {
    // An array of tables that stood here uncommented would be a virtual server without an address.
    text += fmt::format("\n# {}\n{}{}\n", table.sentence, table.repeated ? "#" : "", heading(table));
    for (const SettingText& setting : table.settings) {
      text += fmt::format("\n# {}{}\n", setting.sentence,
                          setting.source.empty() ? "" : fmt::format(" ({})", setting.source));
      text += fmt::format("# Allowed: {}.\n#{} = {}\n", setting.allowed, setting.key, setting.default_value);
    }
  }
  return text;
}

}  // namespace ringpost::config
