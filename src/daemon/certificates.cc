#include "certificates.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

namespace ringpost::daemon {
namespace {

constexpr std::size_t file_octets_max = 1 << 20;

// Overwritten when it goes. Never grows, so that nothing of it stays behind elsewhere.
class PemText {
 public:
  PemText() = default;
  PemText(const PemText&) = delete;
  PemText& operator=(const PemText&) = delete;
  ~PemText() { explicit_bzero(text_.data(), text_.size()); }

  std::expected<void, std::string> read(int file, const std::string& path) {
    text_.resize(file_octets_max);
    while (size_ < text_.size()) {
      const ssize_t got = pread(file, text_.data() + size_, text_.size() - size_, static_cast<off_t>(size_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
      if (got == 0) return {};
      size_ += static_cast<std::size_t>(got);
    }
    return std::unexpected(fmt::format("{}: is larger than 1 MiB", path));
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::vector<char> text_;
  std::size_t size_ = 0;
};

std::expected<CoreContexts, std::string> contexts_of(const config::Certificate& certificate,
                                                     const CertificateFiles& files, config::TlsVersion minimum,
                                                     std::size_t cores) {
  PemText chain, key;
  auto read = chain.read(files.chain, certificate.chain);
  if (read) read = key.read(files.key, certificate.key);
  if (!read) return std::unexpected(read.error());
  const auto least = minimum == config::TlsVersion::tls_1_3 ? tls::Version::tls_1_3 : tls::Version::tls_1_2;
  CoreContexts contexts;
  for (std::size_t core = 0; core < cores; ++core) {
    auto context = tls::ServerContext::make({chain.view(), key.view()}, least);
    if (!context)
      return std::unexpected(fmt::format("certificate \"{}\" ({}, {}): {}", certificate.name, certificate.chain,
                                         certificate.key, context.error()));
    contexts.emplace_back(std::move(*context));
  }
  return contexts;
}

}  // namespace

std::expected<std::map<std::string, CoreContexts>, std::string> make_contexts(
    const config::Configuration& configuration, const std::map<std::string, CertificateFiles>& files,
    std::size_t cores) {
  std::map<std::string, CoreContexts> all;
  for (const config::VirtualServer& server : configuration.virtual_servers) {
    if (!server.enabled || server.certificate.empty()) continue;
    const auto certificate =
        std::ranges::find(configuration.certificates, server.certificate, &config::Certificate::name);
    const auto open = files.find(server.certificate);
    if (certificate == configuration.certificates.end() || open == files.end())
      return std::unexpected(fmt::format("certificate \"{}\" was not handed over", server.certificate));
    auto contexts = contexts_of(*certificate, open->second, server.tls_minimum, cores);
    if (!contexts) return std::unexpected(contexts.error());
    all.emplace(server.name, std::move(*contexts));
  }
  return all;
}

}  // namespace ringpost::daemon
