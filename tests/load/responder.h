// A tiny POP3 server in this process, for the harness to run against: two messages for everybody, a thread a client.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <fmt/format.h>
#include <mutex>
#include <netinet/in.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace ringpost::load {

class Responder {
 public:
  struct Manner {
    std::size_t slice = 1 << 20;                  // octets a send
    std::chrono::milliseconds first_greeting{0};  // how long it lets the first client wait
    std::string refuse_password_of;
    bool closes_after_login = false;
    bool false_size = false;
    bool silent = false;
  };

  explicit Responder(Manner manner) : manner_(std::move(manner)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener_, 128) != 0)
      std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread{[this] { accept_all(); }};
  }
  ~Responder() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    close(listener_);
  }

  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  int logins() const { return logins_; }
  int most_at_once() const { return most_at_once_; }
  bool shared_an_account() const { return shared_; }

 private:
  void accept_all() {
    for (int number = 0;; ++number) {
      int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      threads_.emplace_back([this, fd, number] {
        serve(fd, number);
        close(fd);
      });
    }
  }

  void serve(int fd, int number) {
    if (number == 0) std::this_thread::sleep_for(manner_.first_greeting);
    std::string input, account;
    if (!manner_.silent) say(fd, "+OK tiny\r\n");
    char buffer[256];
    for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
      input.append(buffer, static_cast<std::size_t>(got));
      for (auto end = input.find("\r\n"); end != std::string::npos; end = input.find("\r\n")) {
        auto line = input.substr(0, end);
        input.erase(0, end + 2);
        auto answer = answer_to(line, account);
        if (answer.empty()) return leave(account);
        if (line == "QUIT") leave(account);
        say(fd, answer);
        if (line == "QUIT") return;
      }
    }
    leave(account);
  }

  std::string answer_to(const std::string& line, std::string& account) {
    if (line.starts_with("USER ")) {
      account = line.substr(5);
      return "+OK\r\n";
    }
    if (line.starts_with("PASS ")) {
      if (!manner_.refuse_password_of.empty() && account == manner_.refuse_password_of) return "-ERR [AUTH] no\r\n";
      enter(account);
      return manner_.closes_after_login ? "" : "+OK\r\n";
    }
    if (line == "STAT") return fmt::format("+OK 2 {}\r\n", manner_.false_size ? 11 : 10);
    if (line == "UIDL") return "+OK\r\n1 one\r\n2 two\r\n.\r\n";
    if (line == "LIST") return "+OK\r\n1 4\r\n2 6\r\n.\r\n";
    if (line == "RETR 1") return "+OK\r\n..a\r\n.\r\n";
    if (line == "RETR 2") return "+OK\r\nabcd\r\n.\r\n";
    return line == "QUIT" ? "+OK\r\n" : "-ERR\r\n";
  }

  void enter(const std::string& account) {
    std::lock_guard guard{mutex_};
    ++logins_;
    if (!inside_.insert(account).second) shared_ = true;
    most_at_once_ = std::max(most_at_once_, static_cast<int>(inside_.size()));
  }
  void leave(const std::string& account) {
    std::lock_guard guard{mutex_};
    inside_.erase(account);
  }
  void say(int fd, std::string_view text) const {
    while (!text.empty()) {
      auto sent = send(fd, text.data(), std::min(text.size(), manner_.slice), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  Manner manner_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::set<std::string> inside_;
  int logins_ = 0, most_at_once_ = 0;
  bool shared_ = false;
};

}  // namespace ringpost::load
