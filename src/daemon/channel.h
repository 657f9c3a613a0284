// daemon/channel.h: what parent and child tell each other (DESIGN 7).
//
// A socket pair that keeps messages apart. Each message is a note, a text, and descriptors that change hands. Both ends
// are our own, so a message that makes no sense ends the process that receives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringpost::daemon {

enum class Note : unsigned char {
  // The parent to the child: what belongs to one handing-over, closed by `commit`.
  configuration = 'c',  // the file's octets in a descriptor; text: "PATH\nHOSTNAME"
  data_dir = 'd',       // the folder, locked
  accounts = 'a',       // the accounts file; text: its path
  certificate = 't',    // two files, the chain and the key; text: the certificate's name
  log_file = 'l',       // where events go
  admin_socket = 's',   // listening
  figures = 'f',        // listening; text: address and port
  listeners = 'p',      // one socket a core, in order; text: address and port
  commit = '.',
  refused = '-',  // a reload that came to nothing; text: why, a line each
  // Further orders.
  drain = 'q',
  // The child to the parent.
  ready = 'r',            // every listener is open
  taken = '+',            // the reload's handing-over counts now
  not_taken = '!',        // it does not; text: why
  reload_wanted = 'R',    // a handing-over of everything that may change
  accounts_wanted = 'A',  // of the accounts file alone
  failed = 'x',           // it cannot start; text: why
};

struct Received {
  Note note = Note::commit;
  std::string text;
  std::vector<int> descriptors;    // close-on-exec, the receiver's
  bool lacks_descriptors = false;  // some came and found no room in this process; then there are none here
};

class Channel {
 public:
  explicit Channel(int descriptor) : descriptor_(descriptor) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Waits while the other end is behind. false: it is gone. The descriptors stay the sender's.
  bool send(Note note, std::string_view text = {}, const std::vector<int>& descriptors = {});
  // Waits for a message. nullopt: the other end is gone.
  std::optional<Received> receive();

  int descriptor() const { return descriptor_; }

  static constexpr std::size_t text_octets_max = 60'000;
  static constexpr std::size_t descriptors_max = 250;  // the kernel takes 253 in one message

 private:
  int descriptor_;
};

}  // namespace ringpost::daemon
