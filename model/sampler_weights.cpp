#include "model/sampler_weights.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace troupe {

namespace {

constexpr double lowest_exponent = -26.0; // exp(-26) * 2^34 rounds to 0
constexpr std::size_t block_size = 256;   // tokens summed at once when picking
constexpr std::size_t sortable = 1024;    // a bucket this small is sorted rather than split again

// Weights are whole numbers from 1 to 2^34: 35 exponents. A level of the histogram takes 6 bits of a double.
constexpr int level_bits = 6;
constexpr int mantissa_bits = 52;
constexpr std::size_t exponent_count = 35;
constexpr std::size_t first_level_buckets = exponent_count << level_bits;

std::size_t first_level_bucket(double weight) {
  constexpr uint64_t lowest = std::bit_cast<uint64_t>(1.0) >> (mantissa_bits - level_bits);
  return static_cast<std::size_t>((std::bit_cast<uint64_t>(weight) >> (mantissa_bits - level_bits)) - lowest);
}

/// token_weight for x from -30 to 0.
inline double weight_within(double x) {
  constexpr double log2_e = 1.4426950408889634;
  constexpr double to_nearest = 0x1.8p52; // adding it leaves the nearest whole number in the low bits
  const double y = x * log2_e;
  const double shifted = y + to_nearest;
  const double f = y - (shifted - to_nearest); // [-0.5, 0.5]
  // 2^f = sum of (f ln 2)^k / k!, k to 9: the next term is below 1e-11.
  double p = 1.0178086009239699e-07;
  p = p * f + 1.3215486790144307e-06;
  p = p * f + 1.5252733804059841e-05;
  p = p * f + 1.5403530393381608e-04;
  p = p * f + 1.3333558146428443e-03;
  p = p * f + 9.6181291076284772e-03;
  p = p * f + 5.5504108664821580e-02;
  p = p * f + 2.4022650695910071e-01;
  p = p * f + 6.9314718055994531e-01;
  p = p * f + 1.0;
  // 2^(n + 34) as bits; n >= -38, so the exponent stays in range.
  const uint64_t n = std::bit_cast<uint64_t>(shifted) - std::bit_cast<uint64_t>(to_nearest);
  const double scale = std::bit_cast<double>((n + 1023 + 34) << mantissa_bits);
  return (p * scale + to_nearest) - to_nearest;
}

/// Orders floats as whole numbers do; its own inverse.
inline int32_t ordered(int32_t bits) {
  return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}

// A loop of its own over plain arrays, without comparisons of floats (they may trap, so they are not
// vectorized).
void weigh(const float* logits, std::size_t count, double top, double temperature, double* weights) {
  const double inverse = 1.0 / temperature;
  const int32_t lowest =
      ordered(std::bit_cast<int32_t>(static_cast<float>(top + lowest_exponent * temperature)));
  for (std::size_t i = 0; i < count; ++i) {
    const int32_t clamped = std::max(ordered(std::bit_cast<int32_t>(logits[i])), lowest);
    weights[i] = weight_within((static_cast<double>(std::bit_cast<float>(ordered(clamped))) - top) * inverse);
  }
}

} // namespace

double token_weight(double x) {
  return weight_within(x < lowest_exponent ? lowest_exponent : x);
}

void sampler_weights::assign(std::span<const float> logits, float largest, float temperature) {
  ids_.clear();
  weights_.resize(logits.size());
  weigh(logits.data(), logits.size(), largest, temperature, weights_.data());
}

void sampler_weights::keep_share(double share) {
  const double lowest = std::max(share * full_weight, 1.0);
  keep_from(lowest);
}

void sampler_weights::keep_count(int64_t count) {
  if (static_cast<std::size_t>(count) < weights_.size())
    apply(find_cut(static_cast<double>(count), [](double) { return 1.0; }));
}

void sampler_weights::keep_mass(double share) {
  const double total = mass();
  const double wanted = share * total;
  // All tokens below this weight together hold no more than what may be left out, so the head ends before
  // them. It spares the passes below all but a few tokens of a typical distribution.
  keep_from((total - wanted) / static_cast<double>(weights_.size()) * 0.999);
  apply(find_cut(wanted, [](double weight) { return weight; }));
}

// Finds the shortest head of the ranking whose measure reaches wanted. Buckets of falling weight are passed
// over until one crosses it; that one is split again by lower bits until it is small or all of one weight.
template <class Measure>
sampler_weights::cut sampler_weights::find_cut(double wanted, Measure measure) const {
  std::array<double, first_level_buckets> totals{};
  for (const double weight : weights_)
    if (weight >= 1.0)
      totals[first_level_bucket(weight)] += measure(weight);
  std::size_t bucket = first_level_buckets - 1;
  double before = 0.0;
  while (bucket > 0 && before + totals[bucket] < wanted)
    before += totals[bucket--];
  std::vector<double> inside;
  for (const double weight : weights_)
    if (weight >= 1.0 && first_level_bucket(weight) == bucket)
      inside.push_back(weight);

  for (int shift = mantissa_bits - 2 * level_bits; inside.size() > sortable && shift >= 0;
       shift -= level_bits) {
    constexpr uint64_t mask = (1u << level_bits) - 1;
    const auto digit = [shift](double weight) { return (std::bit_cast<uint64_t>(weight) >> shift) & mask; };
    std::array<double, mask + 1> parts{};
    for (const double weight : inside)
      parts[digit(weight)] += measure(weight);
    uint64_t part = mask;
    while (part > 0 && before + parts[part] < wanted)
      before += parts[part--];
    std::erase_if(inside, [&](double weight) { return digit(weight) != part; });
  }
  std::sort(inside.begin(), inside.end(), std::greater<>());
  for (std::size_t i = 0; i < inside.size(); ++i) {
    before += measure(inside[i]);
    if (before >= wanted) {
      const auto first_equal = std::find(inside.begin(), inside.end(), inside[i]) - inside.begin();
      return {inside[i], i + 1 - static_cast<std::size_t>(first_equal)};
    }
  }
  return {0.5, 0}; // fewer tokens than wanted: all that have any weight
}

void sampler_weights::apply(const cut& at) {
  keep_from(at.weight);
  std::size_t kept = 0;
  std::size_t places = at.places;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (weights_[i] == at.weight && places-- == 0) {
      places = 0;
      continue;
    }
    weights_[kept] = weights_[i];
    ids_[kept++] = ids_[i];
  }
  weights_.resize(kept);
  ids_.resize(kept);
}

// Without branches: in the first pass over a whole vocabulary they would be mispredicted.
void sampler_weights::keep_from(double lowest) {
  const bool numbered = !ids_.empty();
  ids_.resize(weights_.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    const double weight = weights_[i];
    const token_id id = numbered ? ids_[i] : static_cast<token_id>(i);
    weights_[kept] = weight;
    ids_[kept] = id;
    kept += weight >= lowest;
  }
  weights_.resize(kept);
  ids_.resize(kept);
}

double sampler_weights::mass() const {
  std::array<double, 4> lanes{}; // exact whatever the order; lanes only for speed
  std::size_t i = 0;
  for (; i + lanes.size() <= weights_.size(); i += lanes.size())
    for (std::size_t lane = 0; lane < lanes.size(); ++lane)
      lanes[lane] += weights_[i + lane];
  for (; i < weights_.size(); ++i)
    lanes[0] += weights_[i];
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

token_id sampler_weights::id_at(std::size_t index) const {
  return ids_.empty() ? static_cast<token_id>(index) : ids_[index];
}

token_id sampler_weights::pick(uint64_t random) const {
  const auto total = static_cast<uint64_t>(mass());
  const auto target =
      static_cast<double>(static_cast<uint64_t>((static_cast<unsigned __int128>(random) * total) >> 64));
  double before = 0.0;
  std::size_t block = 0;
  for (; block + block_size < weights_.size(); block += block_size) {
    std::array<double, 4> lanes{};
    for (std::size_t i = 0; i < block_size; i += lanes.size())
      for (std::size_t lane = 0; lane < lanes.size(); ++lane)
        lanes[lane] += weights_[block + i + lane];
    const double sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    if (before + sum > target)
      break;
    before += sum;
  }
  std::size_t index = block;
  for (; index + 1 < weights_.size(); ++index) {
    before += weights_[index];
    if (before > target)
      break;
  }
  return id_at(index);
}

} // namespace troupe
