// Sockets: multishot accept and receive, sends that wait for room, and what is asked at once.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>

#include <ringpost/sim/proactor.h>
#include <ringpost/sim/world.h>

namespace ringpost::sim {

using ring::Descriptor;
using ring::Operation;
using ring::OpKind;

namespace {
constexpr std::uint32_t client_network = 0x0a000000;  // 10.0.0.0, the host in its lower octets
}

Socket* SimProactor::socket_of(Descriptor descriptor) {
  DescriptorEntry* entry = process_.find(descriptor);
  Socket* found =
      entry && entry->kind == DescriptorEntry::Kind::socket ? world_.network().socket(entry->socket) : nullptr;
  if (!found) world_.violation("a socket was asked for on a descriptor that is none");
  return found;
}

void SimProactor::start_accept(Operation& operation, std::uint64_t tag) {
  Listener* listener = process_.find(operation.fd)->listener;
  armed_.insert(tag);
  listener->on_connection = [this, tag] { after({}, [this, tag] { try_accept(tag); }); };
  after({}, [this, tag] { try_accept(tag); });
}

void SimProactor::try_accept(std::uint64_t tag) {
  if (!armed_.contains(tag)) return;
  Listener* listener = process_.find(table_.find(tag)->fd)->listener;
  if (listener->backlog.empty()) return;
  if (world_.random().chance(world_.faults().accept_fails)) {
    ++world_.counts()[Fault::accept_failed];
    return end(tag, world_.random().chance(0.5) ? -EMFILE : -ECONNABORTED);
  }
  const SocketNumber socket = listener->backlog.front();
  listener->backlog.pop_front();
  const bool ends = world_.random().chance(world_.faults().multishot_ends);
  if (Socket* accepted = world_.network().socket(socket); accepted && !accepted->closed) {
    DescriptorEntry entry;
    entry.kind = DescriptorEntry::Kind::socket;
    entry.socket = socket;
    entry.name = fmt::format("socket {}", socket);
    const Descriptor descriptor = process_.add(std::move(entry));
    world_.story().tell(world_.now(), "core {}: accepted socket {} as {}", core_, socket, descriptor);
    if (ends) {
      ++world_.counts()[Fault::multishot_ended];
      armed_.erase(tag);
    }
    complete(tag, ring::Completion{.result = descriptor, .more = !ends});
  }
  if (!ends) after({}, [this, tag] { try_accept(tag); });
}

void SimProactor::start_receive(Operation& operation, std::uint64_t tag) {
  armed_.insert(tag);
  if (Socket* socket = socket_of(operation.fd))
    socket->on_input = [this, tag] {
      after(Duration(world_.random().below(20'000)), [this, tag] { try_receive(tag); });
    };
  after(Duration(world_.random().below(20'000)), [this, tag] { try_receive(tag); });
}

// What was received before an end or an error is given first.
void SimProactor::try_receive(std::uint64_t tag) {
  if (!armed_.contains(tag)) return;
  Socket* socket = socket_of(table_.find(tag)->fd);
  if (!socket) return end(tag, -EBADF);
  if (socket->received.empty()) {
    if (socket->error) return end(tag, -std::exchange(socket->error, EPIPE));
    if (socket->peer_finished) return end(tag, 0);
    return;
  }
  if (buffers_free_.empty() || world_.random().chance(world_.faults().no_buffers)) {
    ++world_.counts()[Fault::buffers_ran_out];
    return end(tag, -ENOBUFS);
  }
  const std::size_t choice = world_.random().below(buffers_free_.size());
  const std::uint16_t buffer = buffers_free_[choice];
  buffers_free_[choice] = buffers_free_.back();
  buffers_free_.pop_back();
  const std::string octets = world_.network().take(socket->number, buffers_[buffer].size());
  std::memcpy(buffers_[buffer].data(), octets.data(), octets.size());
  const bool ends = world_.random().chance(world_.faults().multishot_ends);
  if (ends) {
    ++world_.counts()[Fault::multishot_ended];
    armed_.erase(tag);
  }
  complete(tag, ring::Completion{.result = static_cast<std::int64_t>(octets.size()),
                                 .more = !ends,
                                 .lent = true,
                                 .buffer = buffer,
                                 .octets = MutableOctets(buffers_[buffer]).first(octets.size())});
  if (!ends) after(Duration(world_.random().below(20'000)), [this, tag] { try_receive(tag); });
}

// A send comes about in the ring some time after it was started: what is sent directly meanwhile overtakes it.
void SimProactor::start_output(Operation& operation, std::uint64_t tag) {
  armed_.insert(tag);
  if (Socket* socket = socket_of(operation.fd)) {
    auto before = std::move(socket->on_output);
    socket->on_output = [this, tag] { after({}, [this, tag] { try_output(tag); }); };
  }
  after(Duration(world_.random().below(20'000)), [this, tag] { try_output(tag); });
}

void SimProactor::try_output(std::uint64_t tag) {
  if (!armed_.contains(tag)) return;
  Operation& operation = *table_.find(tag);
  Socket* socket = socket_of(operation.fd);
  if (!socket) return end(tag, -EBADF);
  if (operation.kind == OpKind::wait_writable) {
    if (socket->error || world_.network().room(*socket) > world_.faults().socket_octets_max / 3) end(tag, 1);
    return;
  }
  std::string all;
  for (unsigned at = 0; at < operation.vector_count; ++at)
    all.append(static_cast<const char*>(operation.vectors[at].iov_base), operation.vectors[at].iov_len);
  if (all.size() > 1 && world_.random().chance(world_.faults().send_short)) {
    ++world_.counts()[Fault::send_short];
    all.resize(world_.random().between(1, all.size() - 1));
  }
  const std::int64_t taken = world_.network().send(socket->number, octets_of(all));
  if (taken != -EAGAIN) end(tag, taken);
}

void SimProactor::start_connect(Operation& operation, std::uint64_t tag) {
  armed_.insert(tag);
  after(world_.network().latency(), [this, tag, &operation] {
    if (!armed_.contains(tag)) return;
    const auto* address = static_cast<const sockaddr_in*>(operation.vectors[0].iov_base);
    DescriptorEntry* entry = process_.find(operation.fd);
    entry->socket = world_.network().connect(1, ntohs(address->sin_port));
    if (Socket* socket = world_.network().socket(entry->socket)) socket->server_side = true;
    end(tag, entry->socket ? 0 : -ECONNREFUSED);
  });
}

std::int64_t SimProactor::send_now(Descriptor descriptor, Octets octets) noexcept {
  Socket* socket = socket_of(descriptor);
  if (!socket) return -EBADF;
  if (octets.size() > 1 && world_.random().chance(world_.faults().send_short)) {
    ++world_.counts()[Fault::send_short];
    octets = octets.first(world_.random().between(1, octets.size() - 1));
  }
  return world_.network().send(socket->number, octets);
}

std::int64_t SimProactor::send_file_now(Descriptor descriptor, Descriptor file, std::uint64_t offset,
                                        std::uint64_t octets) noexcept {
  Socket* socket = socket_of(descriptor);
  DescriptorEntry* from = file_of(file);
  if (!socket || !from) return -EBADF;
  const std::uint64_t size = world_.disk().size_of(from->file.inode);
  if (offset >= size) return 0;
  std::uint64_t wanted = std::min(octets, size - offset);
  if (wanted > 1 && world_.random().chance(world_.faults().send_short)) {
    ++world_.counts()[Fault::send_short];
    wanted = world_.random().between(1, wanted - 1);
  }
  std::uint64_t done = 0;
  while (done < wanted) {
    bool was_cold = false;
    Segment segment;
    segment.page = world_.disk().page_at(from->file.inode, offset + done, was_cold);
    if (was_cold) world_.violation("a core waits for the disk: sendfile of a page that is not resident");
    segment.from = static_cast<std::uint32_t>((offset + done) % page_octets);
    segment.length = static_cast<std::uint32_t>(std::min(wanted - done, page_octets - segment.from));
    const std::uint32_t asked = segment.length;
    const std::int64_t taken = world_.network().send_page(socket->number, std::move(segment));
    if (taken < 0) return done > 0 ? static_cast<std::int64_t>(done) : taken;
    done += static_cast<std::uint64_t>(taken);
    if (taken < asked) break;
  }
  return static_cast<std::int64_t>(done);
}

std::int64_t SimProactor::peek_unacknowledged(Descriptor descriptor) noexcept {
  const Socket* socket = socket_of(descriptor);
  return socket ? static_cast<std::int64_t>(socket->unacknowledged()) : -EBADF;
}

ring::PeerState SimProactor::peek_peer(Descriptor descriptor) noexcept {
  const Socket* socket = socket_of(descriptor);
  return socket ? world_.network().peer_state(*socket) : ring::PeerState{};
}

void SimProactor::begin_probing(Descriptor descriptor) noexcept {
  if (const Socket* socket = socket_of(descriptor)) world_.network().begin_probing(socket->number);
}

int SimProactor::peek_address(Descriptor descriptor, bool peer, sockaddr_storage& into) noexcept {
  const Socket* socket = socket_of(descriptor);
  if (!socket) return -EBADF;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(peer ? socket->port : std::uint16_t{110});
  address.sin_addr.s_addr = htonl(client_network + (peer ? socket->host : 0));
  std::memset(&into, 0, sizeof(into));
  std::memcpy(&into, &address, sizeof(address));
  return 0;
}

int SimProactor::finish_sending(Descriptor descriptor) noexcept {
  const Socket* socket = socket_of(descriptor);
  if (!socket) return -EBADF;
  if (socket->error) return -ENOTCONN;
  world_.network().finish_sending(socket->number);
  return 0;
}

int SimProactor::reset_on_close(Descriptor descriptor) noexcept {
  Socket* socket = socket_of(descriptor);
  if (!socket) return -EBADF;
  socket->resets_on_close = true;
  return 0;
}

}  // namespace ringpost::sim
