// ringpost/control/server.h: the control socket and the figures, on the control thread.
//
// The protocol is docs/control.md. Each connection is bounded: a request line of 64 KiB, 256 messages or 16 MiB of
// appends under way (then it is not read from), 1 MiB of answers that wait to be taken.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include <ringpost/control/appliance.h>
#include <ringpost/control/core_call.h>
#include <ringpost/control/loop.h>

namespace ringpost::control {

class AdminConnection;  // src/control/admin_connection.h
class FiguresConnection;

class Server {
 public:
  // The listening sockets become ours. Everything else outlives the server, and so do its calls' ends: close() first,
  // and let the cores' calls come back, before destruction.
  Server(Loop& loop, CoreSet& cores, Appliance& appliance, int admin_socket, std::vector<int> figures_sockets);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // No more connections; those that are there end, and give back what they hold.
  void close();
  // Is something of ours still under way on a core?
  bool busy() const noexcept;

 private:
  void accept_admin();
  void accept_figures(int socket);
  void pause_if_short_of_descriptors(int listening);

  Loop& loop_;
  CoreSet& cores_;
  Appliance& appliance_;
  int admin_socket_;
  std::vector<int> figures_sockets_;
  std::set<std::shared_ptr<AdminConnection>> admins_;
  std::set<std::shared_ptr<FiguresConnection>> readers_;
  std::uint32_t next_core_ = 0;
};

}  // namespace ringpost::control
