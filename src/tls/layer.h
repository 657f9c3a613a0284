// layer.h: one session's TLS in user space, by wolfSSL.
//
// The library never sees a descriptor: it reads what from_wire() was given, and writes to where seal() points, or else
// to what the layer itself has to say.
#pragma once

#include <cstdint>
#include <vector>

#include <ringpost/ring/secure_layer.h>

#include "library.h"

namespace ringpost::tls {

class Layer final : public ring::SecureLayer {
 public:
  explicit Layer(WOLFSSL* session) noexcept;
  ~Layer() override;

  static void hear_callbacks(WOLFSSL_CTX*);

  Stage stage() const noexcept override { return stage_; }
  void from_wire(Octets wire, Reader& reader) noexcept override;
  std::size_t seal(Octets plain, MutableOctets into) noexcept override;
  std::size_t sealed_octets_max(std::size_t plain) const noexcept override;
  Octets own_output() const noexcept override { return {own_.data() + own_taken_, own_.size() - own_taken_}; }
  void own_output_taken(std::size_t octets) noexcept override;
  void finish() noexcept override;
  std::string_view version() const noexcept override;
  std::string_view cipher() const noexcept override;

 private:
  static int read_wire(WOLFSSL*, char* into, int size, void* layer);
  static int write_wire(WOLFSSL*, char* from, int size, void* layer);

  bool shake_hands() noexcept;
  void read_records(Reader& reader) noexcept;

  WOLFSSL* session_;
  Octets wire_;              // given and not yet read, while from_wire() runs
  MutableOctets sealed_;     // room left, while seal() runs
  std::size_t written_ = 0;  // by it
  std::vector<std::byte> own_;
  std::size_t own_taken_ = 0;
  Stage stage_ = Stage::handshake;
  bool sealing_ = false;
  bool said_good_bye_ = false;
};

}  // namespace ringpost::tls
