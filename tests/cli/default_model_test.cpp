#include "cli/default_model.hpp"
#include "cli/errors.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

using namespace troupe;
namespace fs = std::filesystem;

namespace {

/// A tree with every place, and no model in it yet.
struct place_tree {
  fs::path root;
  model_places places;

  place_tree() {
    std::string pattern = (fs::temp_directory_path() / "troupe-model-XXXXXX").string();
    root = mkdtemp(pattern.data());
    places = {.troupe_home = root / "home",
              .current_folder = root / "here",
              .executable_folder = root / "repo" / "build" / "release",
              .cache_folder = root / "cache"};
  }
  ~place_tree() { fs::remove_all(root); }

  void put(const fs::path& path) const {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "model";
  }
};

} // namespace

TEST_CASE("the model is looked for in the documented order") {
  place_tree tree;
  fs::path name = default_model_name;
  fs::path in_order[] = {tree.root / "home" / "models" / name, tree.root / "here" / "models" / name,
                         tree.root / "repo" / "models" / name, tree.root / "cache" / "troupe" / name};
  // From the last place to the first: each new one wins.
  for (int i = 3; i >= 0; --i) {
    tree.put(in_order[i]);
    auto found = find_model("", tree.places);
    REQUIRE(found);
    CHECK(*found == in_order[i].string());
  }
}

TEST_CASE("a missing model says what to do and where it was looked for") {
  place_tree tree;
  auto found = find_model("", tree.places);
  REQUIRE_FALSE(found);
  CHECK(found.error().is(cli_error::no_model));
  CHECK_THAT(found.error().message, Catch::Contains("run ./deploy/fetch_model.sh, or pass --model PATH"));
  for (const fs::path& path : default_model_paths(tree.places))
    CHECK_THAT(found.error().message, Catch::Contains(path.string()));
  CHECK(default_model_paths(tree.places).size() == 4);
}

TEST_CASE("a folder with the model's name is no model") {
  place_tree tree;
  fs::create_directories(tree.root / "here" / "models" / default_model_name);
  CHECK_FALSE(find_model("", tree.places));
}

TEST_CASE("a named model is taken, or missed, but never replaced by the default") {
  place_tree tree;
  tree.put(tree.root / "here" / "models" / default_model_name);
  auto missing = find_model((tree.root / "other.gguf").string(), tree.places);
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().message, Catch::Contains("other.gguf") && Catch::Contains("fetch_model.sh"));
  tree.put(tree.root / "other.gguf");
  CHECK(find_model((tree.root / "other.gguf").string(), tree.places).value() ==
        (tree.root / "other.gguf").string());
  auto folder = find_model(tree.root.string(), tree.places);
  REQUIRE_FALSE(folder);
  CHECK_THAT(folder.error().message, Catch::Contains("is a folder"));
}

TEST_CASE("places that are unknown are left out") {
  model_places bare{
      .troupe_home = {}, .current_folder = "/nowhere", .executable_folder = {}, .cache_folder = {}};
  auto paths = default_model_paths(bare);
  REQUIRE(paths.size() == 1);
  CHECK(paths[0] == fs::path("/nowhere/models") / default_model_name);
}
