// ringpost/ring/listen.h: listening sockets, a group of them an address, one for each core (DESIGN §2).
//
// The privileged parent opens a group and hands the descriptors to the child (SCM_RIGHTS); the child adopts them. All
// sockets of a group are bound in the order of the cores and closed only together, else the indices shift. A packet
// goes to the core whose CPU it arrived on: a classic-BPF program of the group says so. Threads: any; these block
// briefly and run outside the cores' turns.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include <ringpost/ring/operation.h>

namespace ringpost::ring {

struct ListenAt {
  std::string address;     // numeric, IPv4 or IPv6, without brackets
  std::uint16_t port = 0;  // 0: the system chooses one for the whole group
};

// One listening, non-blocking socket for each of `cpus`, in that order. What the kernel lets accepted sockets inherit
// is set here, once: TCP_NODELAY. With one CPU there is no group and nothing to steer. Error: a sentence that names
// address, port and cause; then no socket is left open.
std::expected<std::vector<Descriptor>, std::string> open_listening_group(const ListenAt&,
                                                                         std::span<const std::uint32_t> cpus);

// What the child does with a descriptor that it was given: insists that it is a listening TCP socket, makes it
// non-blocking and close-on-exec. Error: a sentence; the descriptor stays open.
std::expected<void, std::string> adopt_listening(Descriptor);

// The port that a socket is bound to; 0: it is none.
std::uint16_t port_of(Descriptor);

}  // namespace ringpost::ring
