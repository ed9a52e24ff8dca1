#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// The finalizer of splitmix64 (Steele, Lea, Flood 2014): the same on every node and machine.
constexpr uint64_t mix_hash(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

/// FNV-1a, mixed.
constexpr uint64_t stable_hash(std::string_view text, uint64_t seed = 0) {
  uint64_t out = 0xcbf29ce484222325 ^ seed;
  for (char c : text)
    out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix_hash(out);
}

/// Rendezvous hashing (Thaler, Ravishankar 1998): the node with the highest score holds the key; if it goes,
/// only its keys move.
constexpr uint64_t rendezvous_score(std::string_view key, std::string_view node) {
  return mix_hash(stable_hash(key) ^ mix_hash(stable_hash(node)));
}

} // namespace troupe
