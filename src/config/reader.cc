#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <toml++/toml.h>
#include <tuple>
#include <unistd.h>

#include <ringpost/config/reader.h>

#include "table.h"

namespace ringpost::config {
namespace {

constexpr std::size_t file_octets_max = 1 << 20;
constexpr std::size_t findings_max = 200;

std::uint32_t line_of(const toml::node& node) {
  return node.source().begin.line;
}

Given given_from(const toml::node& node) {
  Given given;
  given.line = line_of(node);
  if (const auto* text = node.as_string()) {
    given.kind = Given::Kind::text;
    given.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    given.kind = Given::Kind::integer;
    given.integer = integer->get();
  } else if (const auto* flag = node.as_boolean()) {
    given.kind = Given::Kind::flag;
    given.flag = flag->get();
  } else if (const auto* list = node.as_array()) {
    given.kind = Given::Kind::list;
    for (const toml::node& item : *list)
      given.items.push_back(item.is_array() || item.is_table() ? Given{.line = line_of(item)} : given_from(item));
  }
  return given;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string unknown(std::string_view what, std::string_view name, const std::vector<std::string_view>& known) {
  std::string text = fmt::format("unknown {}", what);
  for (const std::string_view each : known)
    if (name.size() <= 64 && edit_distance(name, each) <= 2) return fmt::format("{}; did you mean \"{}\"?", text, each);
  text += "; allowed:";
  for (const std::string_view each : known) text += fmt::format("{} {}", each == known.front() ? "" : ",", each);
  return text;
}

// One reading, from the parsed file to the value.
class Reader {
 public:
  Reader(const toml::table& root, const Surroundings& surroundings) : root_(root), around_(surroundings) {}

  Reading read();

 private:
  template <typename T>
  void read_one(const Table<T>& table, const toml::table* found, T& into);
  template <typename T>
  void read_key(const Table<T>& table, std::string_view key, const toml::node& node, T& into);
  template <typename T>
  void read_single(const Table<T>& table, T& into);
  template <typename T>
  std::vector<const toml::table*> read_repeated(const Table<T>& table, std::vector<T>& into);
  void refuse_other_tables();
  void check_names();
  void check_addresses();
  void check_tls();
  void add(std::uint32_t line, std::string key, std::string text, bool later = false) {
    findings_.push_back({line, std::move(key), std::move(text), later});
  }
  std::uint32_t line_in_server(std::size_t server, std::string_view key) const;

  const toml::table& root_;
  const Surroundings& around_;
  Configuration value_;
  std::vector<const toml::table*> certificate_tables_, server_tables_;
  std::vector<Finding> findings_;
};

template <typename T>
void Reader::read_key(const Table<T>& table, std::string_view key, const toml::node& node, T& into) {
  const std::string name = fmt::format("{}.{}", table.name, visible(key));
  for (const Setting<T>& setting : table.settings) {
    if (setting.text.key != key) continue;
    Faults faults;
    setting.read(into, given_from(node), around_, faults);
    for (Fault& fault : faults) add(fault.line, name, std::move(fault.text), fault.not_supported_yet);
    return;
  }
  for (const LaterName& later : table.later)
    if (later.name == key) return add(line_of(node), name, fmt::format("not supported yet ({})", later.part), true);
  std::vector<std::string_view> known;
  for (const Setting<T>& setting : table.settings) known.push_back(setting.text.key);
  if (known.empty())
    for (const LaterName& later : table.later) known.push_back(later.name);
  add(line_of(node), name, unknown("key", key, known));
}

template <typename T>
void Reader::read_one(const Table<T>& table, const toml::table* found, T& into) {
  for (const Setting<T>& setting : table.settings) {
    if (!setting.read_default || (found && found->contains(setting.text.key))) continue;
    Faults none;
    const std::string_view quoted = setting.text.default_value;
    setting.read(into, Given{.kind = Given::Kind::text, .text = std::string(quoted.substr(1, quoted.size() - 2))},
                 around_, none);
  }
  if (!found) return;
  for (const auto& [key, node] : *found) read_key(table, key.str(), node, into);
}

template <typename T>
void Reader::read_single(const Table<T>& table, T& into) {
  const toml::node* node = root_.get(table.name);
  if (node && !node->is_table())
    add(line_of(*node), std::string(table.name), fmt::format("must be a table: [{}]", table.name));
  const toml::table* found = node ? node->as_table() : nullptr;
  if (found && found->empty() && table.settings.empty())
    add(line_of(*node), std::string(table.name), fmt::format("not supported yet ({})", table.later.front().part), true);
  read_one(table, found, into);
}

// The tables that were read, in order.
template <typename T>
std::vector<const toml::table*> Reader::read_repeated(const Table<T>& table, std::vector<T>& into) {
  std::vector<const toml::table*> tables;
  const toml::node* node = root_.get(table.name);
  if (!node) return tables;
  const std::string wanted = fmt::format("must be an array of tables: [[{}]]", table.name);
  const toml::array* list = node->as_array();
  if (!list) return add(line_of(*node), std::string(table.name), wanted), tables;
  for (const toml::node& item : *list) {
    if (!item.is_table()) {
      add(line_of(item), std::string(table.name), wanted);
      continue;
    }
    T value;
    value.name = std::is_same_v<T, VirtualServer> ? "pop3" : "main";
    read_one(table, item.as_table(), value);
    tables.push_back(item.as_table());
    into.push_back(std::move(value));
  }
  return tables;
}

void Reader::refuse_other_tables() {
  std::vector<std::string_view> known;
  for (const TableText& table : settings()) known.push_back(table.name);
  for (const auto& [key, node] : root_) {
    const std::string_view name = key.str();
    if (name == delivery_table().name || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto& laters = later_tables();
    const auto later =
        std::find_if(laters.begin(), laters.end(), [&](const LaterName& each) { return each.name == name; });
    // An array of tables has no place of its own in the file; its first table has.
    const toml::array* list = node.as_array();
    const std::uint32_t line = list && !list->empty() ? line_of(list->front()) : line_of(node);
    if (later != laters.end())
      add(line, std::string(name), fmt::format("not supported yet ({})", later->part), true);
    else
      add(line, visible(name), unknown(node.is_table() || list ? "table" : "key outside of any table", name, known));
  }
}

std::uint32_t Reader::line_in_server(std::size_t server, std::string_view key) const {
  const toml::node* node = server_tables_[server]->get(key);
  return line_of(node ? *node : static_cast<const toml::node&>(*server_tables_[server]));
}

void Reader::check_names() {
  std::map<std::string_view, std::size_t> certificates;
  for (std::size_t at = 0; at < value_.certificates.size(); ++at) {
    const auto [first, fresh] = certificates.emplace(value_.certificates[at].name, at);
    if (!fresh)
      add(line_of(*certificate_tables_[at]), "certificate.name",
          fmt::format("\"{}\" is already the name of the certificate of line {}; allowed: a name of its own",
                      value_.certificates[at].name, line_of(*certificate_tables_[first->second])));
  }
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t at = 0; at < value_.virtual_servers.size(); ++at) {
    const auto [first, fresh] = seen.emplace(value_.virtual_servers[at].name, at);
    if (!fresh)
      add(line_in_server(at, "name"), "virtual_server.name",
          fmt::format("\"{}\" is already the name of the virtual server of line {}; allowed: a name of its own",
                      value_.virtual_servers[at].name, line_of(*server_tables_[first->second])));
  }
}

// No two listeners share an address and port (S001).
void Reader::check_addresses() {
  std::map<Endpoint, std::string> seen;
  for (std::size_t at = 0; at < value_.virtual_servers.size(); ++at) {
    const VirtualServer& server = value_.virtual_servers[at];
    const std::string who = fmt::format("virtual server \"{}\"", server.name);
    for (const char* key : {"pop3", "pop3s"})
      for (const Endpoint& endpoint : key == std::string_view("pop3") ? server.pop3 : server.pop3s) {
        const auto [first, fresh] = seen.emplace(endpoint, who);
        if (!fresh)
          add(line_in_server(at, key), fmt::format("virtual_server.{}", key),
              fmt::format("{} of {} is already taken by {}; allowed: an address and port of its own",
                          show_endpoint(endpoint), who, first->second));
      }
  }
  for (const Endpoint& endpoint : value_.admin.http) {
    const auto [first, fresh] = seen.emplace(endpoint, "admin.http");
    if (!fresh)
      add(line_of(*root_["admin"]["http"].node()), "admin.http",
          fmt::format("{} is already taken by {}; allowed: an address and port of its own", show_endpoint(endpoint),
                      first->second));
  }
}

void Reader::check_tls() {
  for (std::size_t at = 0; at < value_.virtual_servers.size(); ++at) {
    const VirtualServer& server = value_.virtual_servers[at];
    if (!server.enabled) continue;
    const toml::array* given = server_tables_[at]->get_as<toml::array>("pop3");
    const bool none_given = given ? given->empty() : !server_tables_[at]->contains("pop3");
    if (none_given && !server_tables_[at]->contains("pop3s"))
      add(line_in_server(at, "pop3"), "virtual_server.pop3",
          fmt::format("virtual server \"{}\" has no address; allowed: pop3 = [\"127.0.0.1:1110\"], or enabled = false",
                      server.name));
    if (!server.certificate.empty()) {
      if (std::ranges::none_of(value_.certificates, [&](const auto& each) { return each.name == server.certificate; }))
        add(line_in_server(at, "certificate"), "virtual_server.certificate",
            fmt::format("there is no [[certificate]] with the name \"{}\"", server.certificate));
      continue;
    }
    if (!server.pop3s.empty())
      add(line_in_server(at, "pop3s"), "virtual_server.pop3s",
          fmt::format("virtual server \"{}\" has addresses for TLS and no certificate; say certificate = \"NAME\"",
                      server.name));
    if (server.require_tls == RequireTls::never) continue;
    add(line_in_server(at, "require_tls"), "virtual_server.require_tls",
        fmt::format(
            "virtual server \"{}\" insists on TLS (require_tls = \"{}\") and has no certificate, so nobody could log "
            "in: say certificate = \"NAME\" of a [[certificate]]; or require_tls = \"never\" where passwords may cross "
            "the line in clear, that is on loopback; or enabled = false",
            server.name, server.require_tls == RequireTls::before_login ? "before-login" : "clear-text-passwords"));
  }
}

Reading Reader::read() {
  AccountsTable accounts;
  LogTable log;
  read_single(appliance_table(), value_.appliance);
  read_single(accounts_table(), accounts);
  read_single(store_table(), value_.store);
  read_single(delivery_table(), value_.store);
  certificate_tables_ = read_repeated(certificate_table(), value_.certificates);
  server_tables_ = read_repeated(virtual_server_table(), value_.virtual_servers);
  read_single(admin_table(), value_.admin);
  read_single(log_table(), log);
  refuse_other_tables();
  check_names();
  check_addresses();
  check_tls();
  value_.path = around_.path;
  value_.accounts = accounts;
  value_.log = log;
  value_.log.json = log.format == LogTable::Format::json;
  if (value_.appliance.hostname.empty()) value_.appliance.hostname = around_.hostname;
  std::sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.line, a.key, a.text) < std::tie(b.line, b.key, b.text);
  });
  if (findings_.size() > findings_max) {
    const std::size_t more = findings_.size() - findings_max;
    findings_.resize(findings_max);
    add(0, "", fmt::format("and {} more", more));
  }
  if (!findings_.empty()) return {nullptr, std::move(findings_)};
  return {std::make_shared<const Configuration>(std::move(value_)), {}};
}

Reading failed(std::string text) {
  return {nullptr, {{0, "", std::move(text)}}};
}

}  // namespace

std::string show(const Finding& finding, std::string_view file) {
  const std::string place = finding.line ? fmt::format("{}:{}", visible(file), finding.line) : visible(file);
  if (finding.key.empty()) return fmt::format("{}: {}", place, finding.text);
  return fmt::format("{}: {}: {}", place, finding.key, finding.text);
}

Reading read_text(std::string_view text, const Surroundings& surroundings) {
  if (text.size() > file_octets_max) return failed("is larger than 1 MiB");
  try {
    const toml::table root = toml::parse(text, surroundings.path);
    return Reader(root, surroundings).read();
  } catch (const toml::parse_error& error) {
    return {nullptr, {{error.source().begin.line, "", visible(error.description(), 300)}}};
  }
}

Reading read_descriptor(int descriptor, const std::string& path) {
  std::string text;
  char part[16384];
  while (text.size() <= file_octets_max) {
    const ssize_t got = read(descriptor, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(fmt::format("can't be read: {}", std::strerror(errno)));
    if (got == 0) break;
    text.append(part, static_cast<std::size_t>(got));
  }
  char hostname[256] = "localhost";
  gethostname(hostname, sizeof hostname - 1);
  std::error_code ignored;
  return read_text(text, {std::filesystem::absolute(path, ignored).lexically_normal().string(), hostname});
}

Reading read_file(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return failed(fmt::format("can't be opened: {}", std::strerror(errno)));
  Reading reading = read_descriptor(descriptor, path);
  close(descriptor);
  return reading;
}

}  // namespace ringpost::config
