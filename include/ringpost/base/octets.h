// ringpost/base/octets.h: views of raw octets, and the way between them and text.
//
// An Octets view owns nothing; what a call is given lives until it returns or, for an operation, until it completed.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ringpost {

using Octets = std::span<const std::byte>;
using MutableOctets = std::span<std::byte>;

inline Octets octets_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view text_of(Octets octets) noexcept {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

}  // namespace ringpost
