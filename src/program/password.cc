#include "password.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <span>
#include <string_view>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace ringpost::program {
namespace {

constexpr std::size_t password_octets_max = 1024;

// While a password is asked for, signals wait: one that would end us until the terminal has its echo back, one that
// would stop us until the line is there, so that nothing typed meanwhile is shown.
class Attentive {
 public:
  Attentive() {
    sigset_t ending;
    sigemptyset(&ending);
    for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) sigaddset(&ending, signal);
    signals_ = signalfd(-1, &ending, SFD_CLOEXEC);
    sigaddset(&ending, SIGTSTP);
    sigprocmask(SIG_BLOCK, &ending, &before_);
  }
  Attentive(const Attentive&) = delete;
  Attentive& operator=(const Attentive&) = delete;
  ~Attentive() {
    if (signals_ >= 0) close(signals_);
    sigprocmask(SIG_SETMASK, &before_, nullptr);  // what waited comes now
  }
  // Until something was typed. false: a signal wants to end us.
  bool wait(int terminal) const {
    pollfd both[] = {{terminal, POLLIN, 0}, {signals_, POLLIN, 0}};
    while (poll(both, 2, -1) < 0 && errno == EINTR) {
    }
    return both[1].revents == 0;
  }

 private:
  int signals_ = -1;
  sigset_t before_{};
};

// A line in a buffer that is wiped, octet by octet so that nothing behind the line end is taken.
std::expected<accounts::Secret, std::string> read_line(int from) {
  std::byte octets[password_octets_max];
  std::size_t length = 0;
  std::expected<accounts::Secret, std::string> line = std::unexpected("the password is longer than 1024 octets");
  while (length < sizeof octets) {
    const ssize_t got = read(from, octets + length, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      line = std::unexpected(fmt::format("the password can't be read: {}", std::strerror(errno)));
      break;
    }
    if (got == 0 || octets[length] == std::byte{'\n'}) {
      if (length > 0 && octets[length - 1] == std::byte{'\r'}) --length;
      line = accounts::Secret(std::string_view(reinterpret_cast<const char*>(octets), length));
      break;
    }
    ++length;
  }
  accounts::wipe(octets);
  if (line && line->empty()) return std::unexpected("an empty password is refused");
  return line;
}

// The terminal without echo, as long as it lives.
class Quiet {
 public:
  explicit Quiet(int terminal) : terminal_(terminal) {
    termios quiet{};
    if (tcgetattr(terminal_, &before_) != 0) return;
    quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(terminal_, TCSAFLUSH, &quiet) == 0;
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  ~Quiet() {
    if (changed_) tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  bool is_quiet() const { return changed_; }

 private:
  int terminal_;
  bool changed_ = false;
  termios before_{};
};

std::expected<accounts::Secret, std::string> ask(int terminal, const std::string& question) {
  const Attentive attentive;
  const Quiet quiet(terminal);
  if (!quiet.is_quiet()) return std::unexpected("the terminal can't be made quiet; use --password-stdin");
  const auto say = [&](std::string_view text) { return write(terminal, text.data(), text.size()) >= 0; };
  if (!say(question)) return std::unexpected("the terminal can't be written to; use --password-stdin");
  std::expected<accounts::Secret, std::string> answer = std::unexpected("interrupted");
  if (attentive.wait(terminal)) answer = read_line(terminal);
  say("\n");
  return answer;
}

}  // namespace

std::expected<accounts::Secret, std::string> password_from_stdin() {
  return read_line(STDIN_FILENO);
}

std::expected<accounts::Secret, std::string> password_from_terminal(const std::string& account) {
  const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0) return std::unexpected("there is no terminal to ask for the password; use --password-stdin");
  auto first = ask(terminal, fmt::format("New password for {}: ", account));
  auto answer = std::move(first);
  if (answer) {
    auto again = ask(terminal, "Once more: ");
    if (!again || !accounts::equal_in_constant_time(answer->reveal(), again->reveal()))
      answer = std::unexpected("the two do not agree; nothing was changed");
  }
  close(terminal);
  return answer;
}

}  // namespace ringpost::program
