#include "kernels/float16.hpp"
#include "model/cuda/memory_plan.hpp"
#include "model/cuda/weight_rows.hpp"
#include "model/errors.hpp"
#include "tests/reference/dequantize.hpp"
#include "tests/reference/quantize.hpp"
#include "tests/reference/random_values.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

using namespace troupe;
using Catch::Contains;

namespace {

struct stored_tensor {
  std::vector<std::byte> bytes;
  tensor_view view;

  stored_tensor(tensor_type type, int32_t rows, int32_t columns, uint64_t seed) {
    reference::random_values random(seed);
    const auto count = static_cast<size_t>(rows) * static_cast<size_t>(columns);
    bytes = reference::quantize(type, random.normals(count, 0.5));
    view = {"t", type, {static_cast<uint64_t>(columns), static_cast<uint64_t>(rows)}, bytes};
  }
  stored_tensor(const stored_tensor&) = delete;
  stored_tensor& operator=(const stored_tensor&) = delete;

  double at(int32_t row, int32_t column) {
    if (values_.empty())
      values_ = reference::dequantize(view);
    return values_[static_cast<size_t>(row) * view.shape[0] + static_cast<size_t>(column)];
  }

private:
  std::vector<double> values_;
};

std::vector<std::byte> row_of(const weight_rows& rows, int32_t row) {
  std::vector<std::byte> out(rows.row_bytes() + 8, std::byte{0xee});
  rows.write_row(row, out.data());
  CHECK(out[rows.row_bytes()] == std::byte{0xee});
  out.resize(rows.row_bytes());
  return out;
}

/// A row as the device's format says, in float64.
std::vector<double> values_of(const weight_rows& rows, int32_t row) {
  const auto bytes = row_of(rows, row);
  if (rows.format() == cuda::weight_format::bf16_rows) {
    std::vector<double> out;
    for (size_t i = 0; i < bytes.size(); i += 2) {
      uint16_t half;
      std::memcpy(&half, bytes.data() + i, 2);
      out.push_back(static_cast<double>(bfloat_to_float(half)));
    }
    return out;
  }
  const auto type = rows.format() == cuda::weight_format::q4_1 ? tensor_type::q4_1 : tensor_type::q8_0;
  return reference::dequantize({"row", type, {static_cast<uint64_t>(rows.columns()), 1}, bytes});
}

void check_row(const weight_rows& rows, int32_t row, stored_tensor& source, int32_t source_row, bool exact) {
  const auto got = values_of(rows, row);
  int wrong = 0;
  for (int32_t i = 0; i < rows.columns(); ++i) {
    const double want = source.at(source_row, i), error = std::abs(got[static_cast<size_t>(i)] - want);
    wrong += !(error <= (exact ? 0.0 : std::abs(want) * 0x1p-8));
  }
  INFO("row " << row << " of " << to_string(source.view.type) << " " << source_row);
  CHECK(wrong == 0);
}

} // namespace

TEST_CASE("a card's weights: blocks stay as they are, and no value of Q4_0 changes") {
  for (auto type : {tensor_type::q4_1, tensor_type::q8_0, tensor_type::q4_0}) {
    stored_tensor tensor(type, 24, 192, 1);
    const weight_rows rows({&tensor.view});
    CHECK(rows.format() ==
          (type == tensor_type::q8_0 ? cuda::weight_format::q8_0 : cuda::weight_format::q4_1));
    CHECK(rows.rows() == 24);
    CHECK(rows.device_bytes() == cuda::packed_bytes(rows.format(), 24, 192));
    CHECK(rows.file_bytes() == tensor.bytes.size());
    for (int32_t row : {0, 11, 23})
      check_row(rows, row, tensor, row, true);
  }
}

TEST_CASE("a card's weights: what has no packed kernel is rounded once to bf16") {
  for (auto type : {tensor_type::f32, tensor_type::f16, tensor_type::bf16}) {
    stored_tensor tensor(type, 5, 99, 2);
    const weight_rows rows({&tensor.view});
    CHECK(rows.format() == cuda::weight_format::bf16_rows);
    CHECK(rows.device_bytes() == 5 * 99 * 2);
    check_row(rows, 4, tensor, 4, type == tensor_type::bf16);
  }
  stored_tensor short_rows(tensor_type::q8_0, 16, 96, 3), odd_rows(tensor_type::q4_1, 12, 128, 4);
  for (auto* tensor : {&short_rows, &odd_rows}) {
    const weight_rows rows({&tensor->view});
    CHECK(rows.format() == cuda::weight_format::bf16_rows);
    check_row(rows, 11, *tensor, 11, false);
  }
}

TEST_CASE("a card's weights: tensors follow each other, or take turns of eight rows") {
  stored_tensor a(tensor_type::q4_1, 16, 64, 5), b(tensor_type::q4_0, 8, 64, 6),
      c(tensor_type::q8_0, 8, 64, 7);
  const weight_rows same({&a.view, &b.view});
  CHECK(same.format() == cuda::weight_format::q4_1);
  CHECK(same.rows() == 24);
  check_row(same, 15, a, 15, true);
  check_row(same, 16, b, 0, true);
  const weight_rows mixed({&a.view, &b.view, &c.view});
  CHECK(mixed.format() == cuda::weight_format::bf16_rows);
  check_row(mixed, 15, a, 15, false);
  check_row(mixed, 23, b, 7, false);
  check_row(mixed, 31, c, 7, false);
  stored_tensor gate(tensor_type::q4_1, 24, 64, 8), up(tensor_type::q4_1, 24, 64, 9);
  const weight_rows turns({&gate.view, &up.view}, weight_rows::order::in_turns);
  CHECK(turns.rows() == 48);
  check_row(turns, 7, gate, 7, true);
  check_row(turns, 8, up, 0, true);
  check_row(turns, 16, gate, 8, true);
  check_row(turns, 47, up, 23, true);
}

TEST_CASE("a memory plan says by how much it does not fit, and for what") {
  memory_plan plan;
  plan.add("weights", 100 << 20);
  plan.add("KV pages", (20 << 20) + 1);
  CHECK(plan.total() == (120 << 20) + 1);
  CHECK(plan.check((120 << 20) + 1, "cuda:0"));
  const auto refused = plan.check(110 << 20, "cuda:0 (a card)");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "cuda:0 (a card) has 110 MiB free, 11 MiB too few: weights 100 MiB, KV pages 21 MiB");
}
