#include "channel.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <ringpost/base/ensure.h>

namespace ringpost::daemon {

Channel::~Channel() {
  close(descriptor_);
}

bool Channel::send(Note note, std::string_view text, const std::vector<int>& descriptors) {
  ensure(descriptors.size() <= descriptors_max);
  text = text.substr(0, text_octets_max);
  iovec parts[2] = {{&note, 1}, {const_cast<char*>(text.data()), text.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  alignas(cmsghdr) char room[CMSG_SPACE(descriptors_max * sizeof(int))];
  if (!descriptors.empty()) {
    message.msg_control = room;
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
  }
  while (sendmsg(descriptor_, &message, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) return false;
  return true;
}

std::optional<Received> Channel::receive() {
  std::string octets(1 + text_octets_max, '\0');
  iovec part{octets.data(), octets.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char room[CMSG_SPACE(descriptors_max * sizeof(int))];
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  ssize_t got = 0;
  do got = recvmsg(descriptor_, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return std::nullopt;
  ensure((message.msg_flags & MSG_TRUNC) == 0);
  Received received{static_cast<Note>(octets[0]), octets.substr(1, static_cast<std::size_t>(got) - 1), {}, false};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    received.descriptors.resize((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(received.descriptors.data(), CMSG_DATA(header), received.descriptors.size() * sizeof(int));
  }
  if (message.msg_flags & MSG_CTRUNC) {  // a full descriptor table: clients can bring that about
    for (const int descriptor : std::exchange(received.descriptors, {})) close(descriptor);
    received.lacks_descriptors = true;
  }
  return received;
}

}  // namespace ringpost::daemon
