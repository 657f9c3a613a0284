#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include <ringpost/config/reader.h>
#include <ringpost/config/settings.h>

namespace ringpost::config {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Reference, TheDocumentIsWhatTheTableSays) {
  EXPECT_TRUE(file_text(RINGPOST_SOURCE_ROOT "/docs/configuration.md") == reference_markdown())
      << "make it anew: ringpostd --reference markdown > docs/configuration.md";
  EXPECT_TRUE(file_text(RINGPOST_SOURCE_ROOT "/docs/man/ringpost.toml.5") == reference_man_page())
      << "make it anew: ringpostd --reference man > docs/man/ringpost.toml.5";
}

TEST(Reference, EverySettingSaysWhatItIsAndWhatIsAllowed) {
  for (const TableText& table : settings()) {
    EXPECT_FALSE(table.sentence.empty()) << table.name;
    std::set<std::string_view> keys;
    for (const SettingText& setting : table.settings) {
      EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
      EXPECT_TRUE(setting.sentence.ends_with('.')) << setting.key;
      EXPECT_FALSE(setting.allowed.empty()) << setting.key;
      EXPECT_FALSE(setting.default_value.empty()) << setting.key;
    }
  }
}

// Each default stands within its own bounds: taken from the comments, it reads back without a finding but the one that
// a virtual server needs an address and TLS.
TEST(Reference, EveryDefaultIsAllowedByItsOwnBounds) {
  std::string uncommented;
  std::istringstream lines(commented_configuration());
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("#") && !line.starts_with("# "))
      uncommented += line.substr(1) + "\n";
    else if (line.starts_with("["))
      uncommented += line + "\n";
  const Reading reading = read_text(uncommented, {"/a/ringpost.toml", "host"});
  for (const Finding& finding : reading.findings) {
    const bool no_address =
        finding.key == "virtual_server.pop3" && finding.text.find("has no address") != std::string::npos;
    EXPECT_TRUE(no_address || finding.key == "virtual_server.require_tls") << show(finding, "commented");
  }
}

TEST(Reference, TheCommentedFileIsAValidConfiguration) {
  const Reading reading = read_text(commented_configuration(), {"/a/ringpost.toml", "host"});
  EXPECT_TRUE(reading.configuration);
}

TEST(Reference, AReloadNamesWhatCountsOnlyAfterARestart) {
  const auto read = [](const char* text) { return read_text(text, {"/a/ringpost.toml", "host"}).configuration; };
  const auto before = read("[store]\nreserve = \"1MB\"\n[log]\nlevel = \"info\"\n");
  const auto after =
      read("[store]\nreserve = \"2MB\"\n[log]\nlevel = \"debug\"\nqueue_size = \"2MB\"\n[appliance]\ncores = 1\n");
  EXPECT_EQ(changes_for_restart(*before, *after),
            (std::vector<std::string>{"appliance.cores", "store.reserve", "log.queue_size"}));
  EXPECT_TRUE(changes_for_restart(*before, *before).empty());
}

TEST(Reference, TheDemoConfigurationIsValid) {
  const Reading reading = read_file(RINGPOST_SOURCE_ROOT "/configs/demo/ringpost.toml");
  for (const Finding& finding : reading.findings) ADD_FAILURE() << show(finding, "configs/demo/ringpost.toml");
}

}  // namespace
}  // namespace ringpost::config
