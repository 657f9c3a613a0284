// daemon/handover.h: the child's side of a handing-over: what arrived so far, and what it means.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ringpost/accounts/account_file.h>
#include <ringpost/config/configuration.h>

#include "certificates.h"
#include "channel.h"

namespace ringpost::daemon {

// Descriptors that nobody took are closed with it.
class Handover {
 public:
  Handover() = default;
  Handover(Handover&& other) noexcept { swap(other); }
  Handover& operator=(Handover&& other) noexcept {
    Handover taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Handover();

  void add(Received&& message);
  bool has_configuration() const { return !path_.empty(); }
  // Some descriptors found no room in this process: nothing of it can be taken over.
  bool lacks_descriptors() const { return lacks_descriptors_; }
  bool has_log_file() const { return has_log_file_; }

  // Error: sentences, a line each.
  std::expected<std::shared_ptr<const config::Configuration>, std::string> configuration() const;
  std::expected<std::shared_ptr<const accounts::AccountFile>, std::string> accounts(bool fold_case) const;

  // The files stay this one's.
  const std::map<std::string, CertificateFiles>& certificates() const { return certificates_; }

  // Each gives its descriptors away. -1: none came.
  int take_data_dir() { return std::exchange(data_dir_, -1); }
  int take_log_file() { return std::exchange(log_file_, -1); }
  int take_admin_socket() { return std::exchange(admin_socket_, -1); }
  std::vector<int> take_figures() { return std::exchange(figures_, {}); }
  // By address and port: a socket for each core, in order.
  std::map<std::string, std::vector<int>> take_listeners() { return std::exchange(listeners_, {}); }

 private:
  void swap(Handover& other) noexcept;

  int configuration_ = -1, data_dir_ = -1, accounts_ = -1, log_file_ = -1, admin_socket_ = -1;
  bool has_log_file_ = false, lacks_descriptors_ = false;
  std::string path_, hostname_, accounts_path_;
  std::vector<int> figures_;
  std::map<std::string, std::vector<int>> listeners_;
  std::map<std::string, CertificateFiles> certificates_;
};

}  // namespace ringpost::daemon
