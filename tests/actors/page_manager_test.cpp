#include "actors/page_manager.hpp"
#include "tests/memory/directory_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>

#include <future>

using namespace troupe;

namespace {

constexpr size_t page_bytes = 4096;
constexpr int32_t page_count = 8;
constexpr std::chrono::seconds soon{10};

/// A page manager over real files, asked by the test as by a batcher.
class managed_pages {
public:
  managed_pages(caf::actor_system& system, const std::filesystem::path& folder)
      : self(system), store(*kv_store::create(page_count + 1, page_bytes)) {
    auto directory = page_directory::open({.path = folder,
                                           .bytes_max = 1 << 30,
                                           .numeric_class = 7,
                                           .clock = &system_clock(),
                                           .calls = {},
                                           .count = {},
                                           .resized = {},
                                           .changed = {}});
    REQUIRE(directory);
    auto worker = std::make_unique<directory_worker>(
        directory_worker_options{.directory = std::move(*directory), .page_bytes = page_bytes});
    tier = std::make_shared<directory_tier>(std::move(worker), store);
    manager = system.spawn<page_manager, caf::detached>(page_count, attention_window{}, tier, system_clock(),
                                                        numbers);
  }

  page_grants ask(const page_request& request) {
    page_grants out;
    self->request(manager, soon, request)
        .receive([&](page_grants& answer) { out = std::move(answer); },
                 [](caf::error& why) { FAIL(caf::to_string(why)); });
    return out;
  }

  /// The grant of a sequence that knows these tokens.
  page_grant need(sequence_id id, const std::vector<token_id>& tokens) {
    page_request request;
    request.needs.push_back(
        {.id = id,
         .tokens = static_cast<int32_t>(tokens.size()),
         .prefix = std::make_shared<const page_chain>(page_chain::of(root_key(7, "alice", ""), tokens))});
    return ask(request).grants.at(0);
  }

  /// As a step does that computes all of them: each page's bytes are a function of its first token.
  void compute(sequence_id id, const std::vector<token_id>& tokens, const page_grant& pages) {
    const auto full = tokens.size() / page_tokens;
    for (size_t page = 0; page < full; ++page) {
      const auto bytes = make_page(static_cast<uint32_t>(tokens[page * page_tokens]), page_bytes);
      std::ranges::copy(bytes, store->page(pages.pages.at(page)).begin());
    }
    page_request request;
    request.computed.push_back(
        {id, 0, {tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(full * page_tokens)}});
    request.released.push_back(id);
    ask(request);
  }

  /// The worker looks at the folder after each read: after the second answer it has.
  void wait_until_listed() {
    for (int i = 0; i < 2; ++i) {
      std::promise<void> read;
      auto answer = read.get_future();
      REQUIRE(tier->read(make_identity(99), [&](auto) { read.set_value(); }));
      REQUIRE(answer.wait_for(soon) == std::future_status::ready);
    }
  }

  void end() {
    self->monitor(manager);
    caf::anon_send_exit(manager, caf::exit_reason::user_shutdown);
    bool down = false;
    self->receive([&](caf::down_msg&) { down = true; }, caf::after(soon) >> [] {});
    CHECK(down);
    manager = nullptr;
  }

  /// Whether the manager said that it is worth asking again.
  bool hears_news() {
    bool heard = false;
    self->receive([&](page_news) { heard = true; }, caf::after(soon) >> [] {});
    return heard;
  }

  caf::scoped_actor self;
  std::shared_ptr<kv_store> store;
  metrics numbers{"test"};
  std::shared_ptr<directory_tier> tier;
  page_manager_actor manager;
};

std::vector<token_id> tokens_from(token_id first, int32_t count) {
  std::vector<token_id> out;
  for (int32_t i = 0; i < count; ++i)
    out.push_back(first + i);
  return out;
}

} // namespace

TEST_CASE(
    "a page manager's pages go to files when evicted and when it ends, and come back with their bytes") {
  temporary_folder folder;
  caf::actor_system_config config;
  caf::actor_system system(config);
  const auto evicted = tokens_from(0, 49), saved = tokens_from(1000, 49);
  {
    managed_pages pages(system, folder.path());
    pages.compute(1, evicted, pages.need(1, evicted));
    const auto others = tokens_from(5000, 128); // all eight
    pages.compute(2, others, pages.need(2, others));
    pages.compute(3, saved, pages.need(3, saved));
    pages.tier->close();
    pages.end();
  }
  managed_pages pages(system, folder.path());
  for (const auto& known : {evicted, saved}) {
    const auto id = static_cast<sequence_id>(known[0] + 10);
    pages.wait_until_listed();
    auto grant = pages.need(id, known);
    CHECK(grant.awaits);
    for (int i = 0; i < 3 && !grant.granted; ++i) {
      REQUIRE(pages.hears_news());
      grant = pages.need(id, known);
    }
    REQUIRE(grant.granted);
    CHECK(grant.cached_tokens == 48);
    for (size_t page = 0; page < 3; ++page) {
      const auto bytes = pages.store->page(grant.pages.at(page));
      CHECK(std::ranges::equal(bytes, make_page(static_cast<uint32_t>(known[page * 16]), page_bytes)));
    }
    page_request request;
    request.released.push_back(id);
    pages.ask(request);
  }
  pages.end();
}

TEST_CASE("a page manager that is restarted writes nothing, and damaged files are computed") {
  temporary_folder folder;
  caf::actor_system_config config;
  caf::actor_system system(config);
  const auto tokens = tokens_from(0, 49);
  {
    managed_pages pages(system, folder.path());
    pages.compute(1, tokens, pages.need(1, tokens));
    pages.end(); // as its supervisor does when a neighbour crashed
  }
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    files += entry.path().extension() == ".kv1" ? 1 : 0;
  CHECK(files == 0);
  {
    managed_pages pages(system, folder.path());
    pages.compute(1, tokens, pages.need(1, tokens));
    pages.tier->close();
    pages.end();
  }
  const auto keys = page_chain::of(root_key(7, "alice", ""), tokens).keys;
  const auto second = folder.path() / page_file_name(keys[1]);
  auto text = read_file(second);
  text[2000] = static_cast<char>(text[2000] ^ 4);
  write_file(second, text);
  managed_pages pages(system, folder.path());
  pages.wait_until_listed();
  auto grant = pages.need(1, tokens);
  CHECK(grant.awaits);
  REQUIRE(pages.hears_news());
  grant = pages.need(1, tokens);
  REQUIRE(grant.granted);
  CHECK(grant.cached_tokens == 16);
  CHECK_FALSE(std::filesystem::exists(second));
  pages.end();
}
