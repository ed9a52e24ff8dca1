#pragma once

#include "base/ids.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// The weight of the likeliest token. Weights are whole numbers held in doubles: with less than 2^19 tokens
/// every sum stays below 2^53, so sums are exact and their order, the vector width and the machine do not
/// matter.
inline constexpr double full_weight = 0x1p34;

/// exp(x) * full_weight, rounded to a whole number, for x <= 0. A fixed sequence of IEEE operations instead
/// of libm, whose last bit varies with the machine. Relative error of exp below 1e-10; 0 below x = -24.
double token_weight(double x);

/// Tokens still in the draw, by rising id, and their weights.
/// Ranking: higher weight first, equal weights by lower id.
class sampler_weights {
public:
  /// logits [vocabulary], the largest of which is `largest` and finite; temperature > 0.
  void assign(std::span<const float> logits, float largest, float temperature);

  /// Drops tokens whose weight is below share * full_weight. share 0 to 1.
  void keep_share(double share);

  /// Keeps the count first of the ranking. count >= 1.
  void keep_count(int64_t count);

  /// Keeps the shortest head of the ranking that holds at least share of the whole mass. share in (0, 1].
  void keep_mass(double share);

  /// The token at the fraction random / 2^64 of the mass, tokens laid out by rising id.
  token_id pick(uint64_t random) const;

  /// The sum of all weights, exact.
  double mass() const;

  std::size_t size() const { return weights_.size(); }

private:
  struct cut {
    double weight;      // kept above this weight,
    std::size_t places; // and so many tokens of exactly this weight, in id order
  };

  token_id id_at(std::size_t index) const;
  template <class Measure>
  cut find_cut(double wanted, Measure measure) const;
  void apply(const cut& at);
  void keep_from(double lowest);

  std::vector<double> weights_;
  std::vector<token_id> ids_; // empty: ids are the indices
};

} // namespace troupe
