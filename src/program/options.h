// program/options.h: what every verb of `ringpost` is given.
#pragma once

#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <string_view>

#include <ringpost/config/configuration.h>

namespace ringpost::program {

// Exit statuses (CONTRACT).
inline constexpr int done = 0;
inline constexpr int refused = 1;      // with the reason on stderr
inline constexpr int wrong_usage = 2;  // and verbs that are not supported yet

struct Options {
  std::string config;  // the file's path; empty: none was named
  bool json = false;   // results as JSON on stdout
};

// Foreign text for a person's terminal: control characters, which could command it, become \xNN. Line ends stay only
// where they are our own.
std::string printable(std::string_view text, bool keep_line_ends = false);

// Says why on stderr, and gives back `refused`.
int refuse(std::string_view reason);
int usage(std::string_view reason);

// Is there a configuration to read: named by --config or RINGPOST_CONFIG, or in the usual place?
bool names_configuration(const Options& options);

// Reads the configuration that --config, RINGPOST_CONFIG or /etc/ringpost/ringpost.toml names. Null: every error was
// printed; `status` says which kind.
std::shared_ptr<const config::Configuration> read_configuration(const Options& options, int& status);

}  // namespace ringpost::program
