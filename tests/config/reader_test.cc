#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ringpost/config/reader.h>

namespace ringpost::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

Reading read(std::string_view text) {
  return read_text(text, {"/etc/ringpost/ringpost.toml", "host.example.test"});
}

std::string everything(const Reading& reading) {
  std::string text;
  for (const Finding& finding : reading.findings) text += show(finding, "ringpost.toml") + "\n";
  return text;
}

// A virtual server that is fine but for `line`.
std::string server_with(std::string_view line) {
  return "[[virtual_server]]\npop3 = [\"127.0.0.1:1110\"]\nrequire_tls = \"never\"\n" + std::string(line) + "\n";
}

TEST(ConfigReader, AnEmptyFileHasEveryDefault) {
  const Reading reading = read("");
  ASSERT_TRUE(reading.configuration) << everything(reading);
  const Configuration& value = *reading.configuration;
  EXPECT_EQ(value.path, "/etc/ringpost/ringpost.toml");
  EXPECT_EQ(value.appliance.hostname, "host.example.test");
  EXPECT_EQ(value.appliance.data_dir, "/etc/ringpost/data");
  EXPECT_EQ(value.accounts.file, "/etc/ringpost/users");
  EXPECT_EQ(value.admin.socket, "/etc/ringpost/admin.sock");
  EXPECT_EQ(value.log.file, "");
  EXPECT_TRUE(value.virtual_servers.empty());
}

TEST(ConfigReader, ValuesArriveWhereTheyBelong) {
  const Reading reading = read(R"(
[appliance]
hostname = "mail.example.test"
data_dir = "/var/mail/ringpost"
cores = [0, 2]
drain_timeout = "3s"
watch_switches = true
[accounts]
backend = "file"
file = "../users"
[store]
spool_threshold = "20MB"
[[virtual_server]]
name = "inside"
pop3 = ["127.0.0.1:1110", "[::1]:1110"]
require_tls = "never"
authentication = ["plain"]
idle_timeout = "10m"
expire_days = 31
[[virtual_server]]
name = "other"
pop3 = "10.0.0.1:110"
require_tls = "never"
[admin]
http = "127.0.0.1:9110"
[log]
format = "json"
level = "warning"
file = "log/events"
)");
  ASSERT_TRUE(reading.configuration) << everything(reading);
  const Configuration& value = *reading.configuration;
  EXPECT_EQ(value.appliance.data_dir, "/var/mail/ringpost");
  EXPECT_EQ(value.appliance.cores, (std::vector<std::uint32_t>{0, 2}));
  EXPECT_EQ(value.appliance.drain_timeout, 3s);
  EXPECT_TRUE(value.appliance.watch_switches);
  EXPECT_EQ(value.accounts.file, "/etc/users");
  EXPECT_EQ(value.store.spool_threshold, 20u << 20);
  ASSERT_EQ(value.virtual_servers.size(), 2u);
  EXPECT_EQ(value.virtual_servers[0].pop3, (std::vector<Endpoint>{{"127.0.0.1", 1110}, {"::1", 1110}}));
  EXPECT_EQ(value.virtual_servers[0].authentication, std::vector<Mechanism>{Mechanism::plain});
  EXPECT_EQ(value.virtual_servers[0].expire_days, 31);
  EXPECT_EQ(value.virtual_servers[1].pop3, (std::vector<Endpoint>{{"10.0.0.1", 110}}));
  EXPECT_EQ(value.admin.http, (std::vector<Endpoint>{{"127.0.0.1", 9110}}));
  EXPECT_TRUE(value.log.json);
  EXPECT_EQ(value.log.level, LogLevel::warning);
  EXPECT_EQ(value.log.file, "/etc/ringpost/log/events");
}

TEST(ConfigReader, CoresMayBeACount) {
  const Reading reading = read("[appliance]\ncores = 2\n");
  ASSERT_TRUE(reading.configuration);
  EXPECT_EQ(reading.configuration->appliance.core_count, 2u);
}

struct Refusal {
  const char* text;
  std::uint32_t line;
  const char* key;
  const char* says;
};
class ConfigRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(ConfigRefusal, NamesLineKeyAndWhatIsAllowed) {
  const Reading reading = read(GetParam().text);
  EXPECT_FALSE(reading.configuration);
  const bool named = std::any_of(reading.findings.begin(), reading.findings.end(), [](const Finding& finding) {
    return finding.line == GetParam().line && finding.key == GetParam().key &&
           finding.text.find(GetParam().says) != std::string::npos;
  });
  EXPECT_TRUE(named) << everything(reading);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, ConfigRefusal,
    ::testing::Values(
        Refusal{"[applianc]\n", 1, "applianc", "did you mean \"appliance\"?"},
        Refusal{"cores = 2\n", 1, "cores", "key outside of any table"},
        Refusal{"[[appliance]]\n", 1, "appliance", "must be a table"},
        Refusal{"[virtual_server]\n", 1, "virtual_server", "[[virtual_server]]"},
        Refusal{"virtual_server = [1]\n", 1, "virtual_server", "[[virtual_server]]"},
        Refusal{"[appliance]\nhostnam = \"x\"\n", 2, "appliance.hostnam", "did you mean \"hostname\"?"},
        Refusal{"[log]\ncolour = \"x\"\n", 2, "log.colour", "allowed: format, level, file"},
        Refusal{"[appliance]\ncores = 0\n", 2, "appliance.cores", "a count from 1"},
        Refusal{"[appliance]\ncores = [1,\n 1]\n", 3, "appliance.cores", "named twice"},
        Refusal{"[appliance]\ncores = []\n", 2, "appliance.cores", "an empty list is not allowed"},
        Refusal{"[appliance]\nhostname = \"a\\nb\"\n", 2, "appliance.hostname", "\"a\\x0ab\" is not allowed"},
        Refusal{"[appliance]\ndata_dir = \"\"\n", 2, "appliance.data_dir", "a path"},
        Refusal{"[accounts]\nbackend = \"ldap\"\n", 2, "accounts.backend", "not supported yet"},
        Refusal{"[accounts]\nbackend = \"files\"\n", 2, "accounts.backend", "allowed: \"file\""},
        Refusal{"[accounts]\nhash_threads = \"2\"\n", 2, "accounts.hash_threads", "a whole number from 1 to 256"},
        Refusal{"[accounts]\nfold_case = 1\n", 2, "accounts.fold_case", "true or false"},
        Refusal{"[store]\nspool_threshold = 50\n", 2, "store.spool_threshold", "a size from"},
        Refusal{"[store]\nspool_threshold = \"50 kilobytes\"\n", 2, "store.spool_threshold", "a size from"},
        Refusal{"[store]\ntakeover_silence = \"10\"\n", 2, "store.takeover_silence", "a duration from"},
        Refusal{"[log]\nlevel = \"loud\"\n", 2, "log.level", "\"debug\", \"info\", \"warning\", \"error\""},
        Refusal{"[admin]\nhttp = [\"10.0.0.1:9110\"]\n", 2, "admin.http", "not a loopback address"},
        Refusal{"[admin]\nhttp = [\"0.0.0.0:9110\"]\n", 2, "admin.http", "not a loopback address"}));

INSTANTIATE_TEST_SUITE_P(
    VirtualServers, ConfigRefusal,
    ::testing::Values(
        // P011: a logged-in client may be silent for ten minutes at least.
        Refusal{"[[virtual_server]]\nidle_timeout = \"9m\"\n", 2, "virtual_server.idle_timeout",
                "a duration from \"10m\""},
        Refusal{"[[virtual_server]]\nidle_timeout = \"599s\"\n", 2, "virtual_server.idle_timeout",
                "a duration from \"10m\""},
        // P016: at least one mechanism.
        Refusal{"[[virtual_server]]\nauthentication = []\n", 2, "virtual_server.authentication", "at least one of"},
        Refusal{"[[virtual_server]]\nauthentication = \"none\"\n", 2, "virtual_server.authentication",
                "at least one mechanism"},
        Refusal{"[[virtual_server]]\nauthentication = [\"user\",\n\"none\"]\n", 3, "virtual_server.authentication",
                "at least one mechanism"},
        Refusal{"[[virtual_server]]\npop3 = [\"0.0.0.0:110\"]\n", 2, "virtual_server.pop3", "publishing rules"},
        Refusal{"[[virtual_server]]\npop3 = [\"[::]:110\"]\n", 2, "virtual_server.pop3", "publishing rules"},
        Refusal{"[[virtual_server]]\npop3 = [\"203.0.113.1:110\"]\n", 2, "virtual_server.pop3", "publishing rules"},
        Refusal{"[[virtual_server]]\npop3 = [\"localhost:110\"]\n", 2, "virtual_server.pop3", "addresses with ports"},
        Refusal{"[[virtual_server]]\nname = \"a\"\n", 1, "virtual_server.pop3", "has no address"},
        Refusal{"[[virtual_server]]\npop3 = []\n", 2, "virtual_server.pop3", "has no address"},
        Refusal{"[[virtual_server]]\nexpire_days = -1\n", 2, "virtual_server.expire_days", "\"never\""}));

INSTANTIATE_TEST_SUITE_P(
    Tls, ConfigRefusal,
    ::testing::Values(
        Refusal{"certificate = \"a\"\n", 1, "certificate", "[[certificate]]"},
        Refusal{"[[certificate]]\nname = \"\"\n", 2, "certificate.name", "1 to 64 printable"},
        Refusal{"[[certificate]]\nkey = \"\"\n", 2, "certificate.key", "a path"},
        Refusal{"[[certificate]]\nname = \"a\"\n[[certificate]]\nname = \"a\"\n", 3, "certificate.name",
                "already the name of the certificate of line 1"},
        Refusal{"[[virtual_server]]\ncertificate = \"a\"\n", 2, "virtual_server.certificate",
                "no [[certificate]] with the name \"a\""},
        Refusal{"[[virtual_server]]\npop3s = [\"127.0.0.1:1\"]\n", 2, "virtual_server.pop3s", "and no certificate"},
        Refusal{"[[virtual_server]]\npop3s = [\"0.0.0.0:995\"]\n", 2, "virtual_server.pop3s", "publishing rules"},
        Refusal{"[[virtual_server]]\npop3 = [\"127.0.0.1:1\"]\npop3s = [\"127.0.0.1:1\"]\n", 3,
                "virtual_server.pop3s", "already taken"},
        Refusal{"[[virtual_server]]\ntls_minimum = \"1.1\"\n", 2, "virtual_server.tls_minimum", "\"1.2\", \"1.3\""}));

// What later issues build is refused by its own name.
INSTANTIATE_TEST_SUITE_P(
    Later, ConfigRefusal,
    ::testing::Values(
        Refusal{"[client_sets]\n", 1, "client_sets", "not supported yet"},
        Refusal{"\n[[publishing_rule]]\n", 2, "publishing_rule", "not supported yet"},
        Refusal{"[filter]\n", 1, "filter", "not supported yet"}, Refusal{"[acme]\n", 1, "acme", "not supported yet"},
        Refusal{"[delivery]\nlmtp = [\"127.0.0.1:2424\"]\n", 2, "delivery.lmtp", "not supported yet"},
        Refusal{"[delivery]\nmax_message = \"50MB\"\n", 2, "delivery.max_message", "not supported yet"},
        Refusal{"[delivery]\nlmpt = []\n", 2, "delivery.lmpt", "did you mean \"lmtp\"?"},
        Refusal{"[delivery]\n", 1, "delivery", "not supported yet"},
        Refusal{"[[virtual_server]]\nallow = [\"a\"]\n", 2, "virtual_server.allow", "not supported yet"},
        Refusal{"[[virtual_server]]\nauthentication = [\"user\",\n\"ntlm\"]\n", 3, "virtual_server.authentication",
                "\"ntlm\" is not supported yet"},
        Refusal{"[[virtual_server]]\nauthentication = [\"scram-sha-256\"]\n", 2, "virtual_server.authentication",
                "\"scram-sha-256\" is not supported yet"}));

// The appliance of the acceptance checks: exactly its later parts are named, and what remains without them is fine.
TEST(ConfigReader, AnApplianceOfLaterPartsIsRefusedByExactlyThose) {
  const Reading reading = read_file(RINGPOST_SOURCE_ROOT "/tests/fuzz/corpus/configuration/appliance.toml");
  std::vector<std::string> later, others;
  for (const Finding& finding : reading.findings) (finding.not_supported_yet ? later : others).push_back(finding.key);
  EXPECT_THAT(later, ::testing::ElementsAre(
                         "client_sets", "virtual_server.authentication", "virtual_server.authentication",
                         "virtual_server.authentication", "virtual_server.authentication", "virtual_server.allow",
                         "publishing_rule", "filter", "delivery.lmtp", "delivery.max_message"));
  EXPECT_THAT(others, ::testing::IsEmpty());
}

TEST(ConfigReader, EveryErrorIsReportedAndNotOnlyTheFirst) {
  const Reading reading = read("[appliance]\ncores = 0\nhost = \"x\"\n[log]\nlevel = 3\n[filter]\n");
  ASSERT_EQ(reading.findings.size(), 4u) << everything(reading);
  EXPECT_EQ(reading.findings[0].line, 2u);
  EXPECT_EQ(reading.findings[1].line, 3u);
  EXPECT_EQ(reading.findings[2].line, 5u);
  EXPECT_EQ(reading.findings[3].line, 6u);
}

TEST(ConfigReader, AServerThatInsistsOnTlsWithoutACertificateIsAnErrorWithAdvice) {
  // The default is before-login, so a server that says nothing serves nobody.
  for (const char* said : {"", "require_tls = \"before-login\"\n", "require_tls = \"clear-text-passwords\"\n"}) {
    const Reading reading = read("[[virtual_server]]\nname = \"a\"\npop3 = [\"127.0.0.1:1110\"]\n" + std::string(said));
    ASSERT_EQ(reading.findings.size(), 1u) << everything(reading);
    EXPECT_THAT(reading.findings[0].text, AllOf(HasSubstr("no certificate"), HasSubstr("require_tls = \"never\"")));
  }
  EXPECT_TRUE(read("[[virtual_server]]\nenabled = false\n").configuration);
}

TEST(ConfigReader, TwoVirtualServersOnOneAddressAreBothNamed) {  // S001
  const Reading reading = read(server_with("name = \"one\"") + server_with("name = \"two\""));
  ASSERT_EQ(reading.findings.size(), 1u) << everything(reading);
  EXPECT_EQ(reading.findings[0].line, 6u);
  EXPECT_THAT(reading.findings[0].text, AllOf(HasSubstr("127.0.0.1:1110"), HasSubstr("\"one\""), HasSubstr("\"two\"")));
}

TEST(ConfigReader, FiguresAndPop3OnOneAddressClash) {
  const Reading reading = read(server_with("name = \"one\"") + "[admin]\nhttp = [\"127.0.0.1:1110\"]\n");
  EXPECT_THAT(everything(reading), HasSubstr("admin.http: 127.0.0.1:1110 is already taken by virtual server \"one\""));
}

TEST(ConfigReader, TwoVirtualServersOfOneNameAreRefused) {
  const Reading reading =
      read(server_with("") + "[[virtual_server]]\npop3 = [\"127.0.0.1:2\"]\nrequire_tls = \"never\"\n");
  EXPECT_THAT(everything(reading), HasSubstr("\"pop3\" is already the name of the virtual server of line 1"));
}

TEST(ConfigReader, ASyntaxErrorNamesItsLine) {
  const Reading reading = read("[appliance]\n\nhostname = \n");
  ASSERT_EQ(reading.findings.size(), 1u);
  EXPECT_EQ(reading.findings[0].line, 3u);
  EXPECT_EQ(read("\xff\xfe").findings.size(), 1u);
}

TEST(ConfigReader, AFileThatIsMissingOrAFolderIsAFinding) {
  EXPECT_THAT(everything(read_file("/nonexistent/ringpost.toml")), HasSubstr("can't be opened"));
  EXPECT_THAT(everything(read_file("/tmp")), HasSubstr("can't be read"));
}

TEST(ConfigReader, AFindingIsOneLineWhateverTheFileHolds) {
  const Reading reading = read("\"a\\nb\" = 1\n[log]\n\"\\u001b[31m\" = 1\n");
  for (const Finding& finding : reading.findings) {
    const std::string line = show(finding, "a\nb.toml");
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace ringpost::config
