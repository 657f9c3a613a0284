#include "handover.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <unistd.h>

#include <ringpost/config/reader.h>

namespace ringpost::daemon {
namespace {

constexpr std::size_t accounts_octets_max = std::size_t{1} << 31;

// From its beginning: another reader may have moved the place.
std::expected<std::string, std::string> text_of(int descriptor, const std::string& path) {
  std::string text;
  char part[65536];
  ssize_t got = 0;
  while (text.size() < accounts_octets_max &&
         (got = pread(descriptor, part, sizeof part, static_cast<off_t>(text.size()))) > 0)
    text.append(part, static_cast<std::size_t>(got));
  if (got < 0) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  return text;
}

void keep_first(int& place, std::vector<int>& descriptors) {
  if (descriptors.empty()) return;
  if (place >= 0) close(place);
  place = descriptors.front();
  descriptors.erase(descriptors.begin());
}

}  // namespace

Handover::~Handover() {
  for (const int descriptor : {configuration_, data_dir_, accounts_, log_file_, admin_socket_})
    if (descriptor >= 0) close(descriptor);
  for (const int descriptor : figures_) close(descriptor);
  for (const auto& [name, files] : certificates_)
    for (const int descriptor : {files.chain, files.key}) close(descriptor);
  for (const auto& [endpoint, sockets] : listeners_)
    for (const int descriptor : sockets) close(descriptor);
}

void Handover::swap(Handover& other) noexcept {
  std::swap(configuration_, other.configuration_);
  std::swap(data_dir_, other.data_dir_);
  std::swap(accounts_, other.accounts_);
  std::swap(log_file_, other.log_file_);
  std::swap(admin_socket_, other.admin_socket_);
  std::swap(has_log_file_, other.has_log_file_);
  std::swap(lacks_descriptors_, other.lacks_descriptors_);
  path_.swap(other.path_);
  hostname_.swap(other.hostname_);
  accounts_path_.swap(other.accounts_path_);
  figures_.swap(other.figures_);
  listeners_.swap(other.listeners_);
  certificates_.swap(other.certificates_);
}

void Handover::add(Received&& message) {
  std::vector<int>& given = message.descriptors;
  lacks_descriptors_ = lacks_descriptors_ || message.lacks_descriptors;
  switch (message.note) {
    case Note::configuration: {
      const std::size_t end = message.text.rfind('\n');
      path_ = message.text.substr(0, end);
      hostname_ = end == std::string::npos ? "" : message.text.substr(end + 1);
      keep_first(configuration_, given);
      break;
    }
    case Note::data_dir:
      keep_first(data_dir_, given);
      break;
    case Note::accounts:
      accounts_path_ = message.text;
      keep_first(accounts_, given);
      break;
    case Note::certificate:
      if (given.size() == 2 && certificates_.emplace(message.text, CertificateFiles{given[0], given[1]}).second)
        given.clear();
      break;
    case Note::log_file:
      has_log_file_ = true;
      keep_first(log_file_, given);
      break;
    case Note::admin_socket:
      keep_first(admin_socket_, given);
      break;
    case Note::figures:
      figures_.insert(figures_.end(), given.begin(), given.end());
      given.clear();
      break;
    case Note::listeners: {
      auto& sockets = listeners_[message.text];
      sockets.insert(sockets.end(), given.begin(), given.end());
      given.clear();
      break;
    }
    default:
      break;
  }
  for (const int descriptor : given) close(descriptor);
}

std::expected<std::shared_ptr<const config::Configuration>, std::string> Handover::configuration() const {
  const auto text = text_of(configuration_, path_);
  if (!text) return std::unexpected(text.error());
  const config::Reading reading = config::read_text(*text, {path_, hostname_});
  if (reading.configuration) return reading.configuration;
  std::string errors;
  for (const config::Finding& finding : reading.findings)
    errors += fmt::format("{}{}", errors.empty() ? "" : "\n", config::show(finding, path_));
  return std::unexpected(errors);
}

std::expected<std::shared_ptr<const accounts::AccountFile>, std::string> Handover::accounts(bool fold_case) const {
  const auto text = text_of(accounts_, accounts_path_);
  if (!text) return std::unexpected(text.error());
  return accounts::AccountFile::parse(*text, accounts_path_, fold_case);
}

}  // namespace ringpost::daemon
