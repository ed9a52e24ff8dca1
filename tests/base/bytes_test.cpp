#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace troupe;

namespace {

enum class color : uint8_t { red, green };

std::string everything() {
  byte_writer out;
  out.put(int64_t{-5});
  out.put(uint32_t{4'000'000'000});
  out.put(true);
  out.put(-std::numeric_limits<float>::infinity());
  out.put(std::numeric_limits<double>::quiet_NaN());
  out.put(color::green);
  out.put(std::string_view("a\0b", 3));
  out.put_numbers(std::vector<int32_t>{1, -1, std::numeric_limits<int32_t>::min()});
  return out.take();
}

struct all_parts {
  int64_t negative;
  uint32_t large;
  bool yes;
  float low;
  double none;
  color shade;
  std::string text;
  std::vector<int32_t> numbers;
};

all_parts read_everything(byte_reader& in) {
  all_parts out{};
  out.negative = in.get<int64_t>();
  out.large = in.get<uint32_t>();
  out.yes = in.get<bool>();
  out.low = in.get<float>();
  out.none = in.get<double>();
  out.shade = in.get_enum(color::green);
  out.text = in.get_text();
  out.numbers = in.get_numbers<int32_t>();
  return out;
}

} // namespace

TEST_CASE("what was written is read") {
  const auto bytes = everything();
  byte_reader in(bytes);
  const auto out = read_everything(in);
  CHECK(out.negative == -5);
  CHECK(out.large == 4'000'000'000);
  CHECK(out.yes);
  CHECK(out.low == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(out.none));
  CHECK(out.shade == color::green);
  CHECK(out.text == std::string("a\0b", 3));
  CHECK(out.numbers == std::vector<int32_t>{1, -1, std::numeric_limits<int32_t>::min()});
  CHECK(in.finished());
}

TEST_CASE("bytes that end too soon are noticed, wherever") {
  const auto bytes = everything();
  for (size_t length = 0; length < bytes.size(); ++length) {
    byte_reader in(std::string_view(bytes).substr(0, length));
    read_everything(in);
    CHECK_FALSE(in.ok());
  }
  const auto more = bytes + 'x';
  byte_reader longer(more);
  read_everything(longer);
  CHECK(longer.ok());
  CHECK_FALSE(longer.finished());
}

TEST_CASE("a list is never larger than the bytes that are there") {
  byte_writer out;
  out.put(uint32_t{0xFFFF'FFFF});
  out.put(uint32_t{7});
  const auto bytes = out.take();
  byte_reader in(bytes);
  CHECK(in.get_numbers<int32_t>().empty());
  CHECK_FALSE(in.ok());
  byte_reader text(bytes);
  CHECK(text.get_text().empty());
  CHECK_FALSE(text.ok());
}

TEST_CASE("an enumerator that does not exist is a mistake") {
  byte_writer out;
  out.put(uint8_t{2});
  const auto bytes = out.take();
  byte_reader in(bytes);
  in.get_enum(color::green);
  CHECK_FALSE(in.ok());
  byte_reader yes(bytes);
  yes.get<bool>();
  CHECK_FALSE(yes.ok());
}
