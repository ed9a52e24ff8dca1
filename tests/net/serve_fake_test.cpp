#include "tests/net/server_under_test.hpp"

#include <catch2/catch.hpp>
#include <iostream>

using namespace troupe;
using namespace troupe::test;

/// For hand-run checks with real clients: `test_net "[serve]"` prints a port and serves a fake until its
/// standard input ends. A message "fail" fails, "reject" is refused, "cut" ends at the limit, "wait" hangs.
TEST_CASE("serves a fake until standard input ends", "[.][serve]") {
  server_under_test under;
  under.door->on_submit = [](fake_front_door& door, const generation_request& request) {
    const auto& said = request.messages.back().content;
    if (said == "wait")
      return door.accept(request.response_id);
    if (said == "reject")
      return door.reject(request.response_id, {request_error::too_many_requests, "too busy", "", 1});
    answer_with({"Hello", ", ", "wörld", "!"}, said == "fail"  ? event_kind::failed
                                               : said == "cut" ? event_kind::incomplete
                                                               : event_kind::completed)(door, request);
  };
  std::cout << "PORT " << under.port() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
}
