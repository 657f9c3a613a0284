#include "layer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string.h>

namespace ringpost::tls {

namespace {

constexpr std::size_t record_octets_max = 16 << 10;  // of the session, in one record
constexpr std::size_t record_overhead_max = 64;      // header, nonce, tag, type, and room to spare

}  // namespace

Layer::Layer(WOLFSSL* session) noexcept : session_(session) {
  wolfSSL_SetIOReadCtx(session_, this);
  wolfSSL_SetIOWriteCtx(session_, this);
}

Layer::~Layer() {
  wolfSSL_free(session_);
}

void Layer::hear_callbacks(WOLFSSL_CTX* context) {
  wolfSSL_CTX_SetIORecv(context, &Layer::read_wire);
  wolfSSL_CTX_SetIOSend(context, &Layer::write_wire);
}

int Layer::read_wire(WOLFSSL*, char* into, int size, void* layer) {
  Layer& self = *static_cast<Layer*>(layer);
  if (self.wire_.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  const std::size_t octets = std::min(self.wire_.size(), static_cast<std::size_t>(size));
  std::memcpy(into, self.wire_.data(), octets);
  self.wire_ = self.wire_.subspan(octets);
  return static_cast<int>(octets);
}

int Layer::write_wire(WOLFSSL*, char* from, int size, void* layer) {
  Layer& self = *static_cast<Layer*>(layer);
  const auto octets = static_cast<std::size_t>(size);
  const auto* begin = reinterpret_cast<const std::byte*>(from);
  if (!self.sealing_) {
    self.own_.insert(self.own_.end(), begin, begin + octets);
    return size;
  }
  if (octets > self.sealed_.size()) return WOLFSSL_CBIO_ERR_GENERAL;
  std::memcpy(self.sealed_.data(), from, octets);
  self.sealed_ = self.sealed_.subspan(octets);
  self.written_ += octets;
  return size;
}

bool Layer::shake_hands() noexcept {
  if (wolfSSL_accept(session_) == WOLFSSL_SUCCESS) {
    wolfSSL_FreeHandshakeResources(session_);
    stage_ = Stage::open;
    return true;
  }
  if (wolfSSL_get_error(session_, 0) != WOLFSSL_ERROR_WANT_READ) stage_ = Stage::failed;
  return false;
}

void Layer::read_records(Reader& reader) noexcept {
  static thread_local std::array<std::byte, record_octets_max> plain;
  while (stage_ == Stage::open) {
    const int got = wolfSSL_read(session_, plain.data(), static_cast<int>(plain.size()));
    if (got > 0) {
      const auto octets = static_cast<std::size_t>(got);
      reader.opened(Octets(plain).first(octets));
      explicit_bzero(plain.data(), octets);  // a password may be among them
      continue;
    }
    switch (wolfSSL_get_error(session_, got)) {
      case WOLFSSL_ERROR_WANT_READ:
        return;
      case WOLFSSL_ERROR_ZERO_RETURN:
        stage_ = Stage::finished;
        return;
      default:
        stage_ = Stage::failed;
        return;
    }
  }
}

void Layer::from_wire(Octets wire, Reader& reader) noexcept {
  wire_ = wire;
  if (stage_ == Stage::handshake && !shake_hands()) {
    wire_ = {};
    return;
  }
  read_records(reader);
  wire_ = {};
}

std::size_t Layer::seal(Octets plain, MutableOctets into) noexcept {
  if (stage_ == Stage::handshake || stage_ == Stage::failed || plain.empty()) return 0;
  sealing_ = true;
  sealed_ = into;
  written_ = 0;
  const int size = static_cast<int>(plain.size());
  const bool whole = wolfSSL_write(session_, plain.data(), size) == size;
  sealing_ = false;
  sealed_ = {};
  if (!whole) stage_ = Stage::failed;
  return whole ? written_ : 0;
}

std::size_t Layer::sealed_octets_max(std::size_t plain) const noexcept {
  return plain == 0 ? 0 : plain + (plain / record_octets_max + 1) * record_overhead_max;
}

void Layer::own_output_taken(std::size_t octets) noexcept {
  own_taken_ += octets;
  if (own_taken_ < own_.size()) return;
  std::vector<std::byte>().swap(own_);
  own_taken_ = 0;
}

void Layer::finish() noexcept {
  if (said_good_bye_ || stage_ == Stage::handshake || stage_ == Stage::failed) return;
  said_good_bye_ = true;
  wolfSSL_shutdown(session_);
}

std::string_view Layer::version() const noexcept {
  if (stage_ == Stage::handshake) return "";
  return wolfSSL_get_version(session_);
}

std::string_view Layer::cipher() const noexcept {
  if (stage_ == Stage::handshake) return "";
  const char* const name = wolfSSL_get_cipher_name(session_);
  return name ? name : "";
}

}  // namespace ringpost::tls
