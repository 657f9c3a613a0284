#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ringpost/control/server.h>

#include "admin_connection.h"
#include "figures.h"
#include "figures_connection.h"

namespace ringpost::control {
namespace {

constexpr std::size_t connections_max = 64;  // of each kind; a further one is closed at once
constexpr auto pause_after_failure = std::chrono::milliseconds(100);

}  // namespace

Server::Server(Loop& loop, CoreSet& cores, Appliance& appliance, int admin_socket, std::vector<int> figures_sockets)
    : loop_(loop),
      cores_(cores),
      appliance_(appliance),
      admin_socket_(admin_socket),
      figures_sockets_(std::move(figures_sockets)) {
  if (admin_socket_ >= 0) loop_.watch(admin_socket_, POLLIN, [this](short) { accept_admin(); });
  for (const int socket : figures_sockets_)
    loop_.watch(socket, POLLIN, [this, socket](short) { accept_figures(socket); });
}

Server::~Server() {
  close();
}

void Server::accept_admin() {
  const int socket = accept4(admin_socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) return pause_if_short_of_descriptors(admin_socket_);
  if (admins_.size() >= connections_max) {
    ::close(socket);
    return;
  }
  const ring::CoreIndex core{next_core_++ % cores_.count()};
  auto holder = std::make_shared<std::weak_ptr<AdminConnection>>();
  auto connection = std::make_shared<AdminConnection>(AdminConnection::Surroundings{loop_, cores_, appliance_}, socket,
                                                      core, [this, holder] { admins_.erase(holder->lock()); });
  *holder = connection;
  admins_.insert(connection);
  connection->start();
}

// The connection stays in the kernel's queue, and poll() would tell of it again and again.
void Server::pause_if_short_of_descriptors(int listening) {
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
  loop_.change(listening, 0);
  loop_.at(Loop::Clock::now() + pause_after_failure, [&loop = loop_, listening] { loop.change(listening, POLLIN); });
}

void Server::accept_figures(int listening) {
  const int socket = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) return pause_if_short_of_descriptors(listening);
  if (readers_.size() >= connections_max) {
    ::close(socket);
    return;
  }
  auto gather = [this](std::function<void(std::string)> then) {
    gather_figures(cores_, appliance_,
                   [then = std::move(then)](const Figures& figures) { then(prometheus_text(figures)); });
  };
  auto holder = std::make_shared<std::weak_ptr<FiguresConnection>>();
  auto connection = std::make_shared<FiguresConnection>(loop_, socket, std::move(gather),
                                                        [this, holder] { readers_.erase(holder->lock()); });
  *holder = connection;
  readers_.insert(connection);
  connection->start();
}

void Server::close() {
  if (admin_socket_ >= 0) {
    loop_.unwatch(admin_socket_);
    ::close(admin_socket_);
    admin_socket_ = -1;
  }
  for (const int socket : figures_sockets_) {
    loop_.unwatch(socket);
    ::close(socket);
  }
  figures_sockets_.clear();
  // Closing may take one out of the set.
  for (const auto& connection : std::set(admins_)) connection->close();
  for (const auto& connection : std::set(readers_)) connection->end();
}

bool Server::busy() const noexcept {
  return !admins_.empty();
}

}  // namespace ringpost::control
