#include "parent.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <utility>

#include "child.h"
#include "openings.h"

namespace ringpost::daemon {
namespace {

constexpr rlim_t descriptors_usual_max = 1 << 20;
constexpr std::chrono::seconds taken_place_wait_max{5};

void complain(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    fmt::print(stderr, "ringpostd: {}\n", text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// As many descriptors as the setting, the machine and our rights allow.
void raise_descriptor_limit(std::uint32_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t most = wanted != 0 ? wanted : std::max(limit.rlim_max, geteuid() == 0 ? descriptors_usual_max : 0);
  const rlimit raised{most, std::max(limit.rlim_max, most)};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return;
  limit.rlim_cur = std::min(most, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

void forbid_core_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

class Parent {
 public:
  Parent(Loaded loaded, control::Identity identity, std::vector<std::uint32_t> cpus)
      : loaded_(std::move(loaded)), identity_(std::move(identity)), cpus_(std::move(cpus)) {}
  int run();

 private:
  bool start_child();
  Openings::Result open_first();
  Openings::Result open_again(Loaded& next);
  void reload();
  void reload_ended(const std::string& refusal);
  void hand_over_accounts();
  int watch();
  bool handle_signal(int signals);
  bool handle_child_message();
  int child_ended();

  Loaded loaded_;
  std::optional<Loaded> next_;  // handed over, not taken yet
  bool reload_again_ = false;
  control::Identity identity_;
  std::vector<std::uint32_t> cpus_;
  std::unique_ptr<Channel> channel_;
  pid_t child_ = -1;
  bool admin_socket_made_ = false;
  bool stopping_ = false;
  bool failed_ = false;
};

bool Parent::start_child() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return complain(std::strerror(errno)), false;
  const pid_t mine = getpid();
  child_ = fork();
  if (child_ == 0) {
    close(ends[0]);
    run_child(ends[1], identity_, cpus_, mine);
  }
  close(ends[1]);
  channel_ = std::make_unique<Channel>(ends[0]);
  if (child_ < 0) complain(fmt::format("no child process: {}", std::strerror(errno)));
  return child_ > 0;
}

Openings::Result Parent::open_first() {
  Openings openings;
  const config::Configuration& value = *loaded_.value;
  Openings::Result result = openings.add_configuration(loaded_);
  if (result) result = openings.add_data_dir(value, identity_);
  if (result) result = openings.add_accounts(value);
  if (result) result = openings.add_certificates(value);
  if (result) result = openings.add_log_file(value);
  if (result) result = openings.add_listeners(endpoints_of(value), cpus_, taken_place_wait_max);
  if (result) result = openings.add_figures(value);
  if (result) {
    result = openings.add_admin_socket(value);
    admin_socket_made_ = result.has_value();
  }
  if (result && !openings.hand_over(*channel_)) return std::unexpected("the child ended before it was ready");
  return result;
}

// Only what a reload may change; sockets that stay are the child's already.
Openings::Result Parent::open_again(Loaded& next) {
  std::set<config::Endpoint> added;
  const auto before = endpoints_of(*loaded_.value), after = endpoints_of(*next.value);
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::inserter(added, added.end()));
  Openings openings;
  Openings::Result result = openings.add_configuration(next);
  if (result) result = openings.add_accounts(*next.value);
  if (result) result = openings.add_certificates(*next.value);
  if (result) result = openings.add_log_file(*next.value);
  if (result) result = openings.add_listeners(added, cpus_, {});
  if (result) openings.hand_over(*channel_);
  return result;
}

void Parent::reload() {
  if (stopping_ || next_) {
    reload_again_ = next_.has_value();
    return;
  }
  auto next = load(loaded_.surroundings.path);
  const Openings::Result opened = next ? open_again(*next) : std::unexpected(next.error());
  if (opened)
    next_ = std::move(*next);
  else
    channel_->send(Note::refused, opened.error());
  if (!opened) reload_ended(opened.error());
}

// With an empty `refusal` the child serves by the new configuration now.
void Parent::reload_ended(const std::string& refusal) {
  if (!refusal.empty()) {
    complain("the reload changes nothing:");
    complain(refusal);
  } else if (next_) {
    loaded_ = std::move(*next_);
  }
  next_.reset();
  if (std::exchange(reload_again_, false)) reload();
}

void Parent::hand_over_accounts() {
  Openings openings;
  const auto opened = openings.add_accounts(*loaded_.value);
  if (opened)
    openings.hand_over(*channel_);
  else
    channel_->send(Note::refused, opened.error());
}

// false: the child was killed.
bool Parent::handle_signal(int signals) {
  signalfd_siginfo info{};
  if (read(signals, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return true;
  switch (info.ssi_signo) {
    case SIGHUP:
      reload();
      return true;
    case SIGTERM:
    case SIGINT:
      sd_notify(0, "STOPPING=1");
      if (!std::exchange(stopping_, true)) return channel_->send(Note::drain), true;
      kill(child_, SIGKILL);
      return false;
    default:
      return true;
  }
}

// false: the child is gone.
bool Parent::handle_child_message() {
  const auto message = channel_->receive();
  if (!message) return false;
  switch (message->note) {
    case Note::ready:
      std::puts("ready");
      std::fflush(stdout);
      sd_notify(0, "READY=1");
      return true;
    case Note::taken:
    case Note::not_taken:
      reload_ended(message->text);
      return true;
    case Note::reload_wanted:
      reload();
      return true;
    case Note::accounts_wanted:
      hand_over_accounts();
      return true;
    case Note::failed:
      complain(message->text);
      failed_ = true;
      return true;
    default:
      return true;
  }
}

int Parent::watch() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT, SIGCHLD}) sigaddset(&wanted, signal);
  const int signals = signalfd(-1, &wanted, SFD_CLOEXEC);
  bool alive = true;
  while (alive) {
    pollfd waiting[] = {{channel_->descriptor(), POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) break;
    if (waiting[1].revents) alive = handle_signal(signals);
    if (alive && waiting[0].revents) alive = handle_child_message();
  }
  return child_ended();
}

int Parent::child_ended() {
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  if (stopping_ && !failed_) return 0;
  if (!failed_ && WIFSIGNALED(status))
    complain(fmt::format("the serving process was ended by signal {}", WTERMSIG(status)));
  else if (!failed_)
    complain(fmt::format("the serving process ended with status {}", WEXITSTATUS(status)));
  return 1;
}

int Parent::run() {
  if (!start_child()) return 1;
  int status = 1;
  const auto opened = open_first();
  if (opened) {
    status = watch();
  } else {
    complain(opened.error());
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  if (admin_socket_made_) unlink(loaded_.value->admin.socket.c_str());
  return status;
}

}  // namespace

int serve(const std::string& config_path) {
  umask(077);
  signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT, SIGCHLD}) sigaddset(&blocked, signal);
  sigprocmask(SIG_BLOCK, &blocked, nullptr);

  std::error_code ignored;
  auto loaded = load(std::filesystem::absolute(config_path, ignored).lexically_normal().string());
  if (!loaded) return complain(loaded.error()), 1;
  auto identity = control::identity_of(loaded->value->appliance);
  if (!identity) return complain(identity.error()), 1;
  auto cpus = choose_cpus(loaded->value->appliance);
  if (!cpus) return complain(cpus.error()), 1;
  forbid_core_dumps();
  raise_descriptor_limit(loaded->value->appliance.descriptors_max);
  return Parent(std::move(*loaded), std::move(*identity), std::move(*cpus)).run();
}

}  // namespace ringpost::daemon
