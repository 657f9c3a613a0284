#include "listener.h"

#include <cerrno>
#include <cstring>

namespace ringpost::daemon {
namespace {

// A process without descriptors can't accept; the connection waits in the kernel's queue meanwhile.
constexpr Duration pause_after_failure = std::chrono::milliseconds(100);

}  // namespace

Listener::Listener(Core& core, ring::Descriptor socket) : core_(core) {
  Operation::kind = ring::OpKind::accept;
  Operation::fd = socket;
  arm();
}

void Listener::arm() {
  core_.proactor_.start(*this);
}

void Listener::serve(std::shared_ptr<const config::Configuration> configuration, const Plan::At& at,
                     ring::CoreIndex core) {
  configuration_ = std::move(configuration);
  server_ = at.server;
  connections_ = at.connections;
  tls_ = at.tls.empty() ? nullptr : at.tls[core.value];
  tls_first_ = at.tls_first;
}

void Listener::completed(const ring::Completion& completion) noexcept {
  if (completion.result >= 0) core_.accepted(static_cast<ring::Descriptor>(completion.result), *this);
  if (completion.more) return;
  if (closing_) return core_.listener_closed(*this);
  if (completion.result >= 0 || completion.result == -ECONNABORTED) return arm();
  core_.log_.write(LogLevel::warning, "accept_failed",
                   {{"server", server_ ? std::string_view(server_->name) : std::string_view()},
                    {"reason", std::strerror(static_cast<int>(-completion.result))}});
  core_.proactor_.arm(*this, core_.proactor_.now() + pause_after_failure);
}

void Listener::fired() noexcept {
  arm();
}

void Listener::close() {
  if (closing_) return;
  closing_ = true;
  if (Operation::in_flight) return core_.proactor_.cancel(*this);
  core_.proactor_.disarm(*this);
  core_.listener_closed(*this);
}

}  // namespace ringpost::daemon
