// daemon/listener.h: one core's listening socket of one address: accepts for ever, or until it is closed.
#pragma once

#include <memory>

#include "core.h"

namespace ringpost::daemon {

class Listener final : private ring::Operation, private ring::Timer {
 public:
  Listener(Core& core, ring::Descriptor socket);
  ~Listener() = default;

  // From the next connection on.
  void serve(std::shared_ptr<const config::Configuration> configuration, const Plan::At& at, ring::CoreIndex core);
  const std::shared_ptr<const config::Configuration>& configuration() const { return configuration_; }
  const config::VirtualServer* server() const { return server_; }
  std::atomic<std::uint32_t>* connections() const { return connections_; }

  const std::shared_ptr<const tls::ServerContext>& tls() const { return tls_; }
  bool tls_first() const { return tls_first_; }

  ring::Descriptor socket() const { return Operation::fd; }

  // Accepts no more; the core is told when the socket is closed (and destroys this).
  void close();

 private:
  void completed(const ring::Completion&) noexcept override;
  void fired() noexcept override;
  void arm();

  Core& core_;
  std::shared_ptr<const config::Configuration> configuration_;
  const config::VirtualServer* server_ = nullptr;
  std::atomic<std::uint32_t>* connections_ = nullptr;
  std::shared_ptr<const tls::ServerContext> tls_;
  bool tls_first_ = false;
  bool closing_ = false;
};

}  // namespace ringpost::daemon
