// ringpostd: the server. Reads its options, and either says something about the configuration or serves by it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include <ringpost/config/reader.h>
#include <ringpost/config/settings.h>

#include "parent.h"

namespace {

using namespace ringpost;

int print_reference(const std::string& form) {
  const std::string text = form == "man"         ? config::reference_man_page()
                           : form == "commented" ? config::commented_configuration()
                                                 : config::reference_markdown();
  return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
}

int check(const std::string& path) {
  const config::Reading reading = config::read_file(path);
  for (const config::Finding& finding : reading.findings)
    std::fprintf(stderr, "%s\n", config::show(finding, path).c_str());
  if (!reading.configuration) return 1;
  std::printf("%s: no errors\n", path.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The POP3 server of Ringpost."};
  std::string path;
  std::string reference;
  bool check_only = false;
  app.add_option("--config", path, "The configuration file")->envname("RINGPOST_CONFIG");
  app.add_flag("--check", check_only, "Read the configuration, print every error, exit 0 or 1");
  app.add_option("--reference", reference, "Print the reference of all settings: markdown, man or commented")
      ->check(CLI::IsMember({"markdown", "man", "commented"}));
  app.set_version_flag("--version", std::string("ringpostd ") + RINGPOST_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!reference.empty()) return print_reference(reference);
  if (path.empty()) {
    std::fputs("ringpostd: which configuration? Say --config FILE\n", stderr);
    return 2;
  }
  if (check_only) return check(path);
  return daemon::serve(path);
}
