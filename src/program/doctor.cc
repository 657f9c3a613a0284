// ringpost doctor: what of this machine helps or hinders, in plain words, each with what to do about it.
#include <fstream>
#include <liburing.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ringpost/ring/uring_proactor.h>

#include "nic.h"
#include "verbs.h"

namespace ringpost::program {
namespace {

using nlohmann::json;

enum class Finding { good, remark, hindrance };

struct Line {
  Finding finding;
  std::string subject;
  std::string text;
};

std::string word_of(const std::string& path) {
  std::string word;
  std::ifstream(path) >> word;
  return word;
}

std::string release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "unknown";
}

// A real core is made, because only that proves that one can be made.
Line io_uring() {
  try {
    ring::Cores cores(1);
    const ring::UringProactor proactor(cores, {}, {});
    return {Finding::good, "io_uring", fmt::format("works on kernel {}", release())};
  } catch (const std::exception& error) {
    return {Finding::hindrance, "io_uring", error.what()};
  }
}

Line io_uring_for_users() {
  const std::string disabled = word_of("/proc/sys/kernel/io_uring_disabled");
  if (disabled.empty() || disabled == "0")
    return {Finding::good, "io_uring for the serving user", "no sysctl restricts it"};
  return {Finding::hindrance, "io_uring for the serving user",
          fmt::format("sysctl kernel.io_uring_disabled is {}: the serving process, which is unprivileged, is refused; "
                      "set it to 0{}",
                      disabled, disabled == "1" ? ", or put its group into kernel.io_uring_group" : "")};
}

// What newer kernels add. None of it is needed.
Line newer_operations() {
  io_uring_probe* probe = io_uring_get_probe();
  if (!probe) return {Finding::remark, "io_uring operations", "the kernel does not tell which it has"};
  const bool truncate = io_uring_opcode_supported(probe, IORING_OP_FTRUNCATE);
  const bool zero_copy = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
  io_uring_free_probe(probe);
  return {Finding::good, "io_uring operations",
          fmt::format("ftruncate in the ring: {}; zero-copy send: {}",
                      truncate ? "yes" : "no, a pool does it (Linux 6.9 has it)", zero_copy ? "yes" : "no")};
}

Line kernel_tls() {
  std::ifstream available("/proc/sys/net/ipv4/tcp_available_ulp");
  for (std::string word; available >> word;)
    if (word == "tls") return {Finding::good, "kernel TLS", "there; TLS itself is not supported yet"};
  if (access(fmt::format("/lib/modules/{}/kernel/net/tls", release()).c_str(), F_OK) == 0)
    return {Finding::remark, "kernel TLS",
            "a module that is not loaded (modprobe tls); TLS itself is not supported yet"};
  return {Finding::remark, "kernel TLS",
          "this kernel has none, TLS will run in user space; TLS itself is not supported yet"};
}

Line descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const std::string most = word_of("/proc/sys/fs/nr_open");
  if (limit.rlim_max >= 65536 || geteuid() == 0)
    return {Finding::good, "descriptors",
            fmt::format("hard limit {}, a daemon started as root raises it (fs.nr_open {})", limit.rlim_max, most)};
  return {Finding::hindrance, "descriptors",
          fmt::format("the hard limit is {}: so many clients and files at most; raise it (ulimit -Hn, LimitNOFILE=)",
                      limit.rlim_max)};
}

Line backlog() {
  const std::string somaxconn = word_of("/proc/sys/net/core/somaxconn");
  if (!somaxconn.empty() && std::stoul(somaxconn) < 1024)
    return {Finding::remark, "waiting connections",
            fmt::format("net.core.somaxconn is {}: bursts of clients are refused; 4096 is usual", somaxconn)};
  return {Finding::good, "waiting connections", fmt::format("net.core.somaxconn is {}", somaxconn)};
}

Line congestion() {
  const std::string name = word_of("/proc/sys/net/ipv4/tcp_congestion_control");
  if (name == "bbr")
    return {Finding::remark, "congestion control",
            "bbr: paces each connection by a timer, which costs CPU on short transfers; cubic is cheaper, bbr better "
            "on lossy lines"};
  return {Finding::good, "congestion control", name};
}

Line cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  return {
      Finding::good, "CPUs",
      fmt::format("{} of {} may be used, one serving thread each", CPU_COUNT(&allowed), sysconf(_SC_NPROCESSORS_CONF))};
}

Line data_room(const config::Configuration& configuration) {
  struct statvfs room{};
  const std::string& path = configuration.appliance.data_dir;
  if (statvfs(path.c_str(), &room) != 0)
    return {Finding::remark, "data_dir", fmt::format("{} does not exist yet", path)};
  const std::uint64_t free_octets = std::uint64_t{room.f_bavail} * room.f_frsize;
  struct stat reserve{};  // what of it is there already needs no further room
  const bool there = stat((path + "/reserve").c_str(), &reserve) == 0;
  const std::uint64_t kept = there ? static_cast<std::uint64_t>(reserve.st_size) : 0;
  const std::uint64_t wanted = configuration.store.reserve;
  const std::string free_text = fmt::format("{} has {} MiB free", path, free_octets >> 20);
  if (kept < wanted && free_octets < wanted - kept)
    return {Finding::hindrance, "data_dir",
            free_text + ": too little for store.reserve, and while that is not whole, imports are refused"};
  if (free_octets < 4 * wanted)
    return {Finding::remark, "data_dir", free_text + ": little; what is full takes no mail, people can still delete"};
  return {Finding::good, "data_dir", free_text};
}

const char* word_of(Finding finding) {
  return finding == Finding::good ? "good" : finding == Finding::remark ? "remark" : "hindrance";
}

std::vector<Line> examine(const Options& options) {
  std::vector<Line> lines = {
      io_uring(), io_uring_for_users(), newer_operations(), kernel_tls(), descriptors(), backlog(), congestion(),
      cpus()};
  for (const Nic& nic : network_cards()) {
    const NicVerdict verdict = verdict_of(nic, static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_ONLN)));
    lines.push_back({verdict.good ? Finding::good : Finding::remark, "network card " + nic.name, verdict.text});
  }
  if (!names_configuration(options)) return lines;
  int status = done;
  if (const auto configuration = read_configuration(options, status))
    lines.push_back(data_room(*configuration));
  else
    lines.push_back({Finding::hindrance, "configuration", "can't be used: ringpostd would not start, as said above"});
  return lines;
}

}  // namespace

int doctor(const Options& options) {
  bool hindered = false;
  json list = json::array();
  for (const Line& line : examine(options)) {
    hindered = hindered || line.finding == Finding::hindrance;
    list.push_back({{"finding", word_of(line.finding)}, {"subject", line.subject}, {"text", line.text}});
    if (!options.json) fmt::print("{:<10} {}: {}\n", word_of(line.finding), line.subject, line.text);
  }
  if (options.json) fmt::print("{}\n", list.dump(-1, ' ', false, json::error_handler_t::replace));
  return hindered ? refuse("something of this machine stands in the way") : done;
}

}  // namespace ringpost::program
