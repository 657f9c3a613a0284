// control/figures_connection.h: one HTTP request for the figures, and its answer. Then the connection ends.
//
// GET or HEAD of /metrics, a head of 8 KiB at most, ten seconds in all. Loopback only, which the configuration insists
// on; a Host header that names something else is refused all the same, so that no web page can have its visitor's
// browser fetch the figures.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <ringpost/control/loop.h>

namespace ringpost::control {

// What a request's head asks for.
enum class FiguresRequest { figures, figures_head, not_found, wrong_method, wrong_host, malformed };
FiguresRequest parse_figures_request(std::string_view head);

class FiguresConnection : public std::enable_shared_from_this<FiguresConnection> {
 public:
  // Gathers the figures' text and gives it to the function it is given.
  using Gather = std::function<void(std::function<void(std::string)>)>;
  FiguresConnection(Loop& loop, int socket, Gather gather, std::function<void()> gone);
  ~FiguresConnection();

  void start();
  void end();

 private:
  void ready(short events);
  void answer(FiguresRequest request);
  void respond(std::string_view status, const std::string& body, bool with_body);
  void send();

  Loop& loop_;
  int socket_;
  Gather gather_;
  std::function<void()> gone_;
  std::string head_;
  std::string outgoing_;
  bool answering_ = false;
};

}  // namespace ringpost::control
