#include "canned.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace ringpost::bare {
namespace {

std::string wire_form(const std::string& message) {
  std::string out;
  out.reserve(message.size() + 64);
  bool line_start = true;
  for (char c : message) {
    if (line_start && c == '.') out += '.';
    out += c;
    line_start = c == '\n';
  }
  if (!line_start) out += "\r\n";
  return out;
}

Maildrop load_maildrop(const std::filesystem::path& folder, std::string_view account) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  Maildrop drop;
  std::size_t total = 0;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::string message{std::istreambuf_iterator<char>(in), {}};
    auto number = drop.messages.size() + 1;
    total += message.size();
    drop.list += fmt::format("{} {}\r\n", number, message.size());
    drop.uidl += fmt::format("{} {:0>20}\r\n", number, fmt::format("{}x{}", account, number));
    drop.messages.push_back(fmt::format("+OK {} octets\r\n", message.size()) + wire_form(message) + ".\r\n");
  }
  auto count = drop.messages.size();
  drop.pass = fmt::format("+OK {} messages ({} octets)\r\n", count, total);
  drop.stat = fmt::format("+OK {} {}\r\n", count, total);
  drop.list = fmt::format("+OK {} messages ({} octets)\r\n{}.\r\n", count, total, drop.list);
  drop.uidl = fmt::format("+OK\r\n{}.\r\n", drop.uidl);
  return drop;
}

constexpr std::string_view good = "+OK\r\n";
constexpr std::string_view bad = "-ERR no\r\n";

}  // namespace

Corpus Corpus::load(const std::filesystem::path& folder) {
  Corpus corpus;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    auto current = entry.path() / "Maildir" / "cur";
    if (!std::filesystem::is_directory(current)) continue;
    auto name = entry.path().filename().string();
    corpus.maildrops.emplace(name, load_maildrop(current, name));
  }
  if (corpus.maildrops.empty()) throw std::runtime_error("no Maildir in " + folder.string());
  return corpus;
}

std::string_view Conversation::answer(const Corpus& corpus, std::string_view& input) {
  auto end = input.find('\n');
  if (end == std::string_view::npos) return {};
  auto line = input.substr(0, end);
  input.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  auto verb = line.substr(0, 4);
  auto argument = line.size() > 5 ? line.substr(5) : std::string_view{};
  if (verb == "QUIT") {
    over_ = true;
    return good;
  }
  if (verb == "USER") {
    auto found = corpus.maildrops.find(argument);
    maildrop_ = found == corpus.maildrops.end() ? nullptr : &found->second;
    return good;
  }
  if (maildrop_ == nullptr) return bad;
  if (verb == "RETR") {
    std::size_t number = 0;
    std::from_chars(argument.data(), argument.data() + argument.size(), number);
    return number >= 1 && number <= maildrop_->messages.size() ? maildrop_->messages[number - 1] : bad;
  }
  if (verb == "PASS") return maildrop_->pass;
  if (verb == "STAT") return maildrop_->stat;
  if (verb == "UIDL") return maildrop_->uidl;
  if (verb == "LIST") return maildrop_->list;
  return verb == "NOOP" ? good : bad;
}

Arguments arguments_of(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: {} PORT CORPUS [CPU]\n", argv[0]);
    std::exit(2);
  }
  return {static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2], argc > 3 ? std::atoi(argv[3]) : -1};
}

int listen_pinned(std::uint16_t port, int cpu) {
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) throw std::system_error(errno, std::generic_category(), "pin");
  }
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);  // inherited by what it accepts
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0)
    throw std::system_error(errno, std::generic_category(), "listen");
  return fd;
}

}  // namespace ringpost::bare
