// peer.h: the other end of a connection in tests, with blocking calls.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace ringpost::ring {

inline void write_all(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t written = ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (written <= 0) return;
    octets.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Up to the end of the stream; a reset shows as "<errno ...>" behind what came.
inline std::string read_all(int fd, std::size_t piece = 4096) {
  std::string all;
  std::string buffer(piece, '\0');
  while (true) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got == 0) return all;
    if (got < 0) return all + "<errno " + std::to_string(errno) + ">";
    all.append(buffer, 0, static_cast<std::size_t>(got));
  }
}

// Octets in which every stretch can be told from every other.
inline std::string pattern(std::size_t octets, unsigned seed = 1) {
  std::string text(octets, '\0');
  std::uint32_t state = seed * 2654435761U + 1;
  for (char& octet : text) {
    state = state * 1664525U + 1013904223U;
    octet = static_cast<char>(state >> 24);
  }
  return text;
}

}  // namespace ringpost::ring
