// src/sim/program/letters.h: mail as nobody would write it, each letter unlike any other.
#pragma once

#include <string>

#include <ringpost/sim/random.h>

namespace ringpost::sim {

// Raw octets with the letter's number in its header: lone dots, dots at line starts, bare LF and CR, NULs, 8-bit, an
// empty body, no final line end.
std::string strange_letter(Random& random, std::uint64_t number, std::uint64_t octets_about);

}  // namespace ringpost::sim
