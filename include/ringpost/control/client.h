// ringpost/control/client.h: the program's end of the control socket. The protocol is in docs/control.md.
//
// Blocking; one thread. A client belongs to one connection. Errors are sentences ready to print.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <ringpost/base/octets.h>

namespace ringpost::control {

class Client {
 public:
  // nullptr: nobody answers at that socket (no daemon runs there). An error: there may be one, but it can't be asked.
  static std::expected<std::unique_ptr<Client>, std::string> connect(const std::string& socket_path);

  Client(int descriptor) : descriptor_(descriptor) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // One request line (JSON, without its line end) and the octets that it announces. Where that fails, what the daemon
  // may have answered before it closed is there (has_line()).
  std::expected<void, std::string> send(std::string_view line, Octets stream = {});
  // The next answer's line, without its line end.
  std::expected<std::string, std::string> receive_line();
  // Octets that an answer announced: 1 to into.size() of them.
  std::expected<std::size_t, std::string> receive(MutableOctets into);
  // Is a whole line there already?
  bool has_line() const { return received_.find('\n') != std::string::npos; }

  int descriptor() const { return descriptor_; }

 private:
  void take_what_came();

  int descriptor_;
  std::string received_;  // behind the last line that was taken
};

// Binds or connects an AF_UNIX stream socket, also where the path is longer than sockaddr_un holds. 0 or an errno.
int bind_unix(int socket, const std::string& path);
int connect_unix(int socket, const std::string& path);

}  // namespace ringpost::control
