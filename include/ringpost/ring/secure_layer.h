// ringpost/ring/secure_layer.h: what stands between a connection's socket and its session when the link is encrypted.
//
// A connection that has a layer never gives a session's octets to the socket itself: it can only hand over what seal()
// wrote. The layer does no I/O, keeps no time and waits for nothing; so the same session runs over both proactors.
// Owner: the connection. Threads: the core's own. Errors: a stage; after `failed` nothing is sealed or opened any more.
// Implemented by the room tls.
#pragma once

#include <cstdint>
#include <string_view>

#include <ringpost/base/octets.h>

namespace ringpost::ring {

class SecureLayer {
 public:
  enum class Stage : std::uint8_t {
    handshake,
    open,
    finished,  // the peer ended its direction in due form (close_notify): no more input, answers can still be sent
    failed,    // what came makes no sense, or is forged: an alert may be in own_output()
  };

  // Where opened octets go.
  class Reader {
   public:
    virtual void opened(Octets plain) noexcept = 0;

   protected:
    ~Reader() = default;
  };

  SecureLayer() = default;
  SecureLayer(const SecureLayer&) = delete;
  SecureLayer& operator=(const SecureLayer&) = delete;
  virtual ~SecureLayer() = default;

  virtual Stage stage() const noexcept = 0;

  // Octets from the wire, in whatever slices; all of them are taken. What they hold for the session goes to `reader`.
  virtual void from_wire(Octets wire, Reader& reader) noexcept = 0;

  // Writes `plain` as records into `into`, which has room for sealed_octets_max(plain.size()). How many octets, or 0
  // where it failed. Only once the stage is past the handshake.
  virtual std::size_t seal(Octets plain, MutableOctets into) noexcept = 0;
  virtual std::size_t sealed_octets_max(std::size_t plain) const noexcept = 0;

  // What the layer itself has to say (handshake, alerts): goes before anything that is sealed later.
  virtual Octets own_output() const noexcept = 0;
  virtual void own_output_taken(std::size_t octets) noexcept = 0;

  // Says good-bye (close_notify), into own_output().
  virtual void finish() noexcept = 0;

  // For the log: "TLSv1.3", "TLS13-AES128-GCM-SHA256"; "" before the handshake is done. Static or the layer's.
  virtual std::string_view version() const noexcept = 0;
  virtual std::string_view cipher() const noexcept = 0;
};

}  // namespace ringpost::ring
