#include "net/api_keys.hpp"
#include "net/http_request.hpp"
#include "net/router.hpp"
#include "tests/net/temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using troupe::test::temporary_file;

TEST_CASE("keys of a file, and nothing else, are allowed", "[keys]") {
  const temporary_file file("# comment\r\n  alpha-key-1  \r\n\nbeta-key-22");
  const auto keys = api_keys::load(file.path());
  REQUIRE(keys);
  CHECK(keys->allows("Bearer alpha-key-1"));
  CHECK(keys->allows("bearer beta-key-22"));
  for (const char* wrong : {"", "Bearer", "Bearer ", "alpha-key-1", "Basic alpha-key-1", "Bearer alpha-key-",
                            "Bearer alpha-key-11", "Bearer # comment", "Bearer ALPHA-KEY-1"})
    CHECK_FALSE(keys->allows(wrong));
  CHECK(api_keys().allows(""));
}

TEST_CASE("a bad key file is refused, without its keys in the message", "[keys]") {
  for (const char* content :
       {"", "# only\n", "short\n", "two words here\n", "good-key-123\nbad\x01key-456\n"}) {
    const temporary_file file(content);
    const auto keys = api_keys::load(file.path());
    REQUIRE_FALSE(keys);
    CHECK(keys.error().name == "bad_key_file");
    CHECK(keys.error().message.find("key-456") == std::string::npos);
  }
  CHECK_FALSE(api_keys::load("/nonexistent"));
  CHECK_FALSE(api_keys::load(std::filesystem::temp_directory_path().string()));
}

TEST_CASE("routes", "[router]") {
  CHECK(find_route("POST", "/v1/responses?x=1").allowed);
  CHECK(find_route("GET", "/v1/responses").target == endpoint::responses);
  CHECK_FALSE(find_route("DELETE", "/v1/responses").allowed);
  CHECK_FALSE(find_route("GE", "/livez").allowed);
  CHECK(find_route("GET", "/v1/models/a%2fb%20c").argument == "a/b c");
  CHECK(find_route("GET", "/v1/models/a%zz%2").argument == "a%zz%2");
  CHECK(find_route("GET", "/v1/models/").target == endpoint::unknown);
  CHECK(find_route("GET", "/livez/").target == endpoint::unknown);
  CHECK(find_route("GET", "").target == endpoint::unknown);
  CHECK(find_route("GET", "/livez").open);
  CHECK_FALSE(find_route("GET", "/metrics").open);
}

TEST_CASE("origins", "[router]") {
  http_request request;
  CHECK(same_origin(request));
  request.headers = {{"Host", "a:80"}, {"ORIGIN", "http://a:80"}};
  CHECK(same_origin(request));
  for (const char* other : {"http://b:80", "http://a", "null", "http://a:80.evil"}) {
    request.headers[1].second = other;
    CHECK_FALSE(same_origin(request));
  }
}
