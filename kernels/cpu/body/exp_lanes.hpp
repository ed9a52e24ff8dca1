#pragma once

namespace troupe {
namespace {

/// exp(x) by a fixed sequence of operations, relative error below 2e-7 for x in [-87, 88]; 0 below -87,
/// exp(88) above 88, NaN for NaN. Cody-Waite reduction and the minimax polynomial of Cephes' expf (S.
/// Moshier).
template <class Lanes>
Lanes exp_lanes(Lanes x) {
  const auto constant = [](float value) { return Lanes::broadcast(value); };
  const Lanes lowest = constant(-87.0f);
  const Lanes clamped = Lanes::min(constant(88.0f), Lanes::max(lowest, x));
  const Lanes magic = constant(12582912.0f); // 1.5 * 2^23: adding it rounds to a whole number in the low bits
  const Lanes shifted = Lanes::fma(clamped, constant(1.44269504f), magic);
  const Lanes whole = Lanes::sub(shifted, magic);
  Lanes rest = Lanes::fma(whole, constant(-0.693359375f), clamped); // ln 2 in two parts
  rest = Lanes::fma(whole, constant(2.12194440e-4f), rest);
  Lanes p = constant(1.9875691500e-4f);
  p = Lanes::fma(p, rest, constant(1.3981999507e-3f));
  p = Lanes::fma(p, rest, constant(8.3334519073e-3f));
  p = Lanes::fma(p, rest, constant(4.1665795894e-2f));
  p = Lanes::fma(p, rest, constant(1.6666665459e-1f));
  p = Lanes::fma(p, rest, constant(5.0000001201e-1f));
  p = Lanes::fma(p, Lanes::mul(rest, rest), rest);
  p = Lanes::add(p, constant(1.0f));
  return Lanes::where_less(x, lowest, constant(0.0f), Lanes::mul(p, Lanes::power_of_two(shifted)));
}

} // namespace
} // namespace troupe
