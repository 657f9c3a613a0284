#include "openings.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <ringpost/config/units.h>
#include <ringpost/control/client.h>
#include <ringpost/ring/listen.h>

namespace ringpost::daemon {
namespace {

using Result = Openings::Result;

std::unexpected<std::string> failed(std::string_view what, int error = errno) {
  return std::unexpected(fmt::format("{}: {}", what, std::strerror(error)));
}

std::expected<std::string, std::string> text_of_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return failed(path);
  std::string text;
  char part[16384];
  ssize_t got = 0;
  while ((got = read(file, part, sizeof part)) > 0 && text.size() <= (1 << 20))
    text.append(part, static_cast<std::size_t>(got));
  const int error = errno;
  close(file);
  if (got < 0) return failed(path, error);
  return text;
}

// SO_REUSEPORT lets a second process of ours in beside the first, unseen. A socket without it tells the truth.
bool is_taken(const config::Endpoint& endpoint) {
  sockaddr_storage storage{};
  socklen_t length = 0;
  auto* four = reinterpret_cast<sockaddr_in*>(&storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, endpoint.address.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(endpoint.port);
    length = sizeof *four;
  } else if (inet_pton(AF_INET6, endpoint.address.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(endpoint.port);
    length = sizeof *six;
  }
  const int probe = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const int on = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool taken = bind(probe, reinterpret_cast<const sockaddr*>(&storage), length) != 0 && errno == EADDRINUSE;
  close(probe);
  return taken;
}

}  // namespace

std::expected<Loaded, std::string> load(const std::string& path) {
  auto text = text_of_file(path);
  if (!text) return std::unexpected(text.error());
  char hostname[256] = "localhost";
  gethostname(hostname, sizeof hostname - 1);
  Loaded loaded{std::move(*text), {path, hostname}, nullptr};
  const config::Reading reading = config::read_text(loaded.text, loaded.surroundings);
  loaded.value = reading.configuration;
  if (loaded.value) return loaded;
  std::string errors;
  for (const config::Finding& finding : reading.findings)
    errors += fmt::format("{}{}", errors.empty() ? "" : "\n", config::show(finding, path));
  return std::unexpected(errors);
}

std::expected<std::vector<std::uint32_t>, std::string> choose_cpus(const config::Appliance& appliance) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return failed("the CPUs of this process can't be asked for");
  for (const std::uint32_t cpu : appliance.cores)
    if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed))
      return std::unexpected(fmt::format("appliance.cores: this process may not use CPU {}", cpu));
  if (!appliance.cores.empty()) return appliance.cores;
  std::vector<std::uint32_t> cpus;
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && (appliance.core_count == 0 || cpus.size() < appliance.core_count))
      cpus.push_back(cpu);
  if (cpus.size() < appliance.core_count)
    return std::unexpected(
        fmt::format("appliance.cores: {} are wanted, and this process may use {}", appliance.core_count, cpus.size()));
  return cpus;
}

std::set<config::Endpoint> endpoints_of(const config::Configuration& configuration) {
  std::set<config::Endpoint> endpoints;
  for (const config::VirtualServer& server : configuration.virtual_servers)
    for (const auto& list : {&server.pop3, &server.pop3s})
      if (server.enabled) endpoints.insert(list->begin(), list->end());
  return endpoints;
}

Openings::~Openings() {
  for (const Item& item : items_)
    for (const int descriptor : item.descriptors) close(descriptor);
}

void Openings::add(Note note, std::string text, std::vector<int> descriptors) {
  items_.push_back({note, std::move(text), std::move(descriptors)});
}

Result Openings::add_configuration(const Loaded& loaded) {
  const int memory = memfd_create("configuration", MFD_CLOEXEC);
  if (memory < 0) return failed("memfd_create");
  add(Note::configuration, loaded.surroundings.path + "\n" + loaded.surroundings.hostname, {memory});
  if (write(memory, loaded.text.data(), loaded.text.size()) != static_cast<ssize_t>(loaded.text.size()) ||
      lseek(memory, 0, SEEK_SET) != 0)
    return failed("the configuration can't be handed over");
  return {};
}

Result Openings::add_data_dir(const config::Configuration& configuration, const control::Identity& identity) {
  const auto folder = control::open_data_dir(configuration.appliance, identity);
  if (!folder) return std::unexpected(folder.error());
  add(Note::data_dir, configuration.appliance.data_dir, {*folder});
  if (!control::lock_data_dir(*folder))
    return std::unexpected(
        fmt::format("{}: another process owns this data folder: is a ringpostd running, or a `ringpost` at work?",
                    configuration.appliance.data_dir));
  return {};
}

Result Openings::add_accounts(const config::Configuration& configuration) {
  const std::string& path = configuration.accounts.file;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return failed(fmt::format("accounts.file {}", path));
  add(Note::accounts, path, {file});
  return {};
}

// Only those that a virtual server shows; opened with the rights that the serving process gave up.
Result Openings::add_certificates(const config::Configuration& configuration) {
  for (const config::Certificate& certificate : configuration.certificates) {
    const auto shows = [&](const config::VirtualServer& server) {
      return server.enabled && server.certificate == certificate.name;
    };
    if (std::ranges::none_of(configuration.virtual_servers, shows)) continue;
    std::vector<int> files;
    for (const std::string& path : {certificate.chain, certificate.key}) {
      const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
      const int error = errno;
      if (file < 0 && !files.empty()) close(files.front());
      if (file < 0) return failed(fmt::format("certificate \"{}\": {}", certificate.name, path), error);
      files.push_back(file);
    }
    add(Note::certificate, certificate.name, std::move(files));
  }
  return {};
}

Result Openings::add_log_file(const config::Configuration& configuration) {
  const std::string& path = configuration.log.file;
  if (path.empty()) return add(Note::log_file, "", {}), Result{};
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
  if (file < 0) return failed(fmt::format("log.file {}", path));
  add(Note::log_file, path, {file});
  return {};
}

Result Openings::add_admin_socket(const config::Configuration& configuration) {
  const std::string& path = configuration.admin.socket;
  struct stat found{};
  if (lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode))
      return std::unexpected(fmt::format("admin.socket {}: there is something else at this place", path));
    const auto other = control::Client::connect(path);
    if (!other || *other) return std::unexpected(fmt::format("admin.socket {}: another daemon answers there", path));
    unlink(path.c_str());
  }
  const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listening < 0) return failed("admin.socket");
  add(Note::admin_socket, path, {listening});
  const mode_t before = umask(0177);
  const int error = control::bind_unix(listening, path);
  umask(before);
  if (error != 0) return failed(fmt::format("admin.socket {}", path), error);
  if (listen(listening, 64) != 0) return failed(fmt::format("admin.socket {}", path));
  return {};
}

Result Openings::add_figures(const config::Configuration& configuration) {
  for (const config::Endpoint& endpoint : configuration.admin.http) {
    const std::uint32_t one_cpu[] = {0};
    if (is_taken(endpoint))
      return std::unexpected(
          fmt::format("admin.http: cannot listen at {}: another process does", config::show_endpoint(endpoint)));
    const auto group = ring::open_listening_group({endpoint.address, endpoint.port}, one_cpu);
    if (!group) return std::unexpected(fmt::format("admin.http: {}", group.error()));
    add(Note::figures, config::show_endpoint(endpoint), *group);
  }
  return {};
}

Result Openings::add_listeners(const std::set<config::Endpoint>& endpoints, const std::vector<std::uint32_t>& cpus,
                               std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point until = Clock::now() + patience;
  for (const config::Endpoint& endpoint : endpoints) {
    const std::string shown = config::show_endpoint(endpoint);
    while (is_taken(endpoint) && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (is_taken(endpoint)) return std::unexpected(fmt::format("cannot listen at {}: another process does", shown));
    const auto group = ring::open_listening_group({endpoint.address, endpoint.port}, cpus);
    if (!group) return std::unexpected(group.error());
    add(Note::listeners, shown, *group);
  }
  return {};
}

bool Openings::hand_over(Channel& channel) {
  for (const Item& item : items_) {
    // More sockets than one message takes go in several, under the same name.
    std::size_t at = 0;
    do {
      const std::size_t count = std::min(item.descriptors.size() - at, Channel::descriptors_max);
      const auto from = item.descriptors.begin() + static_cast<std::ptrdiff_t>(at);
      if (!channel.send(item.note, item.text, {from, from + static_cast<std::ptrdiff_t>(count)})) return false;
      at += count;
    } while (at < item.descriptors.size());
  }
  return channel.send(Note::commit);
}

}  // namespace ringpost::daemon
