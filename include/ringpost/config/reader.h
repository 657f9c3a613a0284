// ringpost/config/reader.h: from the text of ringpost.toml to a Configuration, or to everything that is wrong with it.
//
// All findings are reported, not only the first. A finding names file, line, key, and what is allowed. No value is ever
// repeated in a finding of a secret setting. Start-up and reload only; never on a core.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/config/configuration.h>

namespace ringpost::config {

struct Finding {
  std::uint32_t line = 0;  // 0: of the file as a whole
  std::string key;         // "virtual_server.idle_timeout"; empty: the file's syntax
  std::string text;
  bool not_supported_yet = false;
};
// "FILE:LINE: key: text", foreign control octets made visible.
std::string show(const Finding& finding, std::string_view file);

struct Reading {
  std::shared_ptr<const Configuration> configuration;  // null when there are findings
  std::vector<Finding> findings;                       // by line
};

// What the reader needs to know of the machine.
struct Surroundings {
  std::string path;      // of the file; relative paths in it start at its folder
  std::string hostname;  // the default of appliance.hostname
};

// Pure.
Reading read_text(std::string_view text, const Surroundings& surroundings);

// Opens and reads `path` (at most 1 MiB); a file that can't be read is a finding.
Reading read_file(const std::string& path);
// The same through a descriptor that lies at its beginning. `path` names it.
Reading read_descriptor(int descriptor, const std::string& path);

}  // namespace ringpost::config
