#include "figures_connection.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace ringpost::control {
namespace {

constexpr std::size_t head_octets_max = 8192;
constexpr auto time_max = std::chrono::seconds(10);

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return small(x) == small(y); });
}

bool is_own_host(std::string_view host) {
  const std::size_t end = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  host = host.substr(0, end);
  return equal_without_case(host, "localhost") || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace

FiguresRequest parse_figures_request(std::string_view head) {
  const std::size_t line_end = head.find('\n');
  if (line_end == std::string_view::npos) return FiguresRequest::malformed;
  const std::string_view line = trimmed(head.substr(0, line_end));
  const std::size_t method_end = line.find(' '), target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || target_end == method_end ||
      !line.substr(target_end + 1).starts_with("HTTP/1."))
    return FiguresRequest::malformed;
  const std::string_view method = line.substr(0, method_end);
  const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
  for (std::string_view rest = head.substr(line_end + 1); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos || !equal_without_case(trimmed(field.substr(0, colon)), "host")) continue;
    if (!is_own_host(trimmed(field.substr(colon + 1)))) return FiguresRequest::wrong_host;
  }
  if (target != "/metrics" && !target.starts_with("/metrics?")) return FiguresRequest::not_found;
  if (method == "GET") return FiguresRequest::figures;
  return method == "HEAD" ? FiguresRequest::figures_head : FiguresRequest::wrong_method;
}

FiguresConnection::FiguresConnection(Loop& loop, int socket, Gather gather, std::function<void()> gone)
    : loop_(loop), socket_(socket), gather_(std::move(gather)), gone_(std::move(gone)) {}

FiguresConnection::~FiguresConnection() {
  close(socket_);
}

void FiguresConnection::start() {
  loop_.watch(socket_, POLLIN, [self = shared_from_this()](short events) { self->ready(events); });
  loop_.at(Loop::Clock::now() + time_max, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end();
  });
}

void FiguresConnection::end() {
  const auto self = shared_from_this();
  loop_.unwatch(socket_);
  if (gone_) std::exchange(gone_, nullptr)();
}

void FiguresConnection::ready(short events) {
  if (!outgoing_.empty()) return send();
  if (answering_) return (events & (POLLHUP | POLLERR)) ? end() : void();
  char part[4096];
  const ssize_t got = recv(socket_, part, sizeof part, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return end();
  head_.append(part, static_cast<std::size_t>(got));
  if (head_.find("\r\n\r\n") != std::string::npos || head_.find("\n\n") != std::string::npos)
    answer(parse_figures_request(head_));
  else if (head_.size() > head_octets_max)
    answer(FiguresRequest::malformed);
}

void FiguresConnection::answer(FiguresRequest request) {
  answering_ = true;
  loop_.change(socket_, 0);
  switch (request) {
    case FiguresRequest::figures:
    case FiguresRequest::figures_head:
      return gather_([self = shared_from_this(), request](std::string text) {
        self->respond("200 OK", text, request == FiguresRequest::figures);
      });
    case FiguresRequest::not_found:
      return respond("404 Not Found", "the figures are at /metrics\n", true);
    case FiguresRequest::wrong_method:
      return respond("405 Method Not Allowed", "GET or HEAD\n", true);
    case FiguresRequest::wrong_host:
      return respond("403 Forbidden", "the figures are for this machine\n", true);
    case FiguresRequest::malformed:
      return respond("400 Bad Request", "this is no HTTP request for figures\n", true);
  }
}

void FiguresConnection::respond(std::string_view status, const std::string& body, bool with_body) {
  outgoing_ = fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: "
      "no-store\r\nConnection: close\r\n\r\n{}",
      status, body.size(), with_body ? body : std::string());
  send();
}

void FiguresConnection::send() {
  while (!outgoing_.empty()) {
    const ssize_t sent = ::send(socket_, outgoing_.data(), outgoing_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return loop_.change(socket_, POLLOUT);
    if (sent < 0) return end();
    outgoing_.erase(0, static_cast<std::size_t>(sent));
  }
  shutdown(socket_, SHUT_WR);
  end();
}

}  // namespace ringpost::control
