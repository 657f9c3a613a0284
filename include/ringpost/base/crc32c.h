// ringpost/base/crc32c.h: CRC-32C (Castagnoli, RFC 3720 B.4), by the CPU's instruction where it has one.
//
// crc32c(more, crc32c(first)) == crc32c(first + more); the start value is 0. Pure, any thread.
#pragma once

#include <cstdint>

#include <ringpost/base/octets.h>

namespace ringpost {

std::uint32_t crc32c(Octets octets, std::uint32_t so_far = 0) noexcept;

// The table-driven form, for CPUs without the instruction and to test the other against.
std::uint32_t crc32c_portable(Octets octets, std::uint32_t so_far = 0) noexcept;

// crc32c(first + second), where only the CRCs and the second's length are known. Cost: some tens of multiplications.
std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second, std::uint64_t second_octets) noexcept;

}  // namespace ringpost
