// ringpost/config/settings.h: the one table of settings, as texts.
//
// A setting is one declaration (src/config/table.cc): name, sentence, bounds, default, when a change takes effect,
// secret or not, source. The reader, --check, docs/configuration.md, the man page and the file that `ringpost init`
// writes are all made from it, so none of them can forget a key. Pure, any thread, lives as long as the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/config/configuration.h>

namespace ringpost::config {

enum class Applies : std::uint8_t {
  restart,       // when the daemon starts; a reload that changes it says so
  reload,        // at the next reload, for everybody
  next_session,  // at the next reload, for sessions that begin after it
};

struct SettingText {
  std::string_view table;  // "appliance"; "virtual_server" is an array of tables
  std::string_view key;
  std::string_view sentence;
  std::string allowed;        // "a duration of 10m or more"
  std::string default_value;  // as it would stand in the file
  Applies applies = Applies::reload;
  bool secret = false;
  std::string_view source;  // the RFC or rule that its bounds come from; empty: our choice
};

struct TableText {
  std::string_view name;
  std::string_view sentence;
  bool repeated = false;  // [[name]]
  std::vector<SettingText> settings;
};

// In the order of the reference.
const std::vector<TableText>& settings();

// The keys ("store.reserve") that differ and count only after a restart: what a reload has to say about itself.
std::vector<std::string> changes_for_restart(const Configuration& before, const Configuration& after);

// Made from the table: docs/configuration.md, the man page ringpost.toml(5), and a configuration file in which every
// setting stands as a comment with its default.
std::string reference_markdown();
std::string reference_man_page();
std::string commented_configuration();

}  // namespace ringpost::config
