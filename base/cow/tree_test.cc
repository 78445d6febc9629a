#include "base/cow/tree.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

using drover::cow::Nothing;
using drover::cow::Tree;

namespace {

using Model = std::map<std::string, int>;
using Strings = Tree<std::string, int>;

bool same(const Strings& tree, const Model& model) {
  if (tree.size() != model.size()) return false;
  auto expected = model.begin();
  for (const auto entry : tree) {
    if (expected == model.end() || entry.key != expected->first || entry.row != expected->second) return false;
    ++expected;
  }
  return expected == model.end();
}

bool same_backwards(const Strings& tree, const Model& model) {
  auto at = tree.end();
  for (auto expected = model.rbegin(); expected != model.rend(); ++expected) {
    --at;
    if (at.key() != expected->first) return false;
  }
  return at == tree.begin();
}

bool same_bound(const Strings& tree, const Model& model, const std::string& key) {
  const auto expected = model.lower_bound(key);
  const auto found = tree.lower_bound(key);
  if (expected == model.end()) return found == tree.end();
  return found != tree.end() && found.key() == expected->first && found.row() == expected->second;
}

struct World {
  Strings tree;
  Model model;
};

void change(World& world, std::mt19937_64& random, std::uint64_t keys, unsigned erase_percent) {
  const std::string key = "key-" + std::to_string(random() % keys);
  const int value = static_cast<int>(random() % 1000);
  if (random() % 100 < erase_percent) {
    CHECK(world.tree.erase(key) == (world.model.erase(key) == 1));
  } else if (random() % 4 == 0) {
    int* row = world.tree.edit(key);
    const auto expected = world.model.find(key);
    CHECK((row != nullptr) == (expected != world.model.end()));
    if (row != nullptr) *row = expected->second = value;
  } else {
    CHECK(world.tree.put(key, value) == world.model.insert_or_assign(key, value).second);
  }
}

}  // namespace

TEST_CASE("an empty tree has nothing in it") {
  const Strings tree;
  CHECK(tree.empty());
  CHECK(tree.begin() == tree.end());
  CHECK(tree.find(std::string_view("a")) == nullptr);
  CHECK(tree.lower_bound(std::string_view("a")) == tree.end());
}

TEST_CASE("a tree is a map, and its snapshots keep what they were, whatever happens to others") {
  const auto seed = GENERATE(range(1u, 13u));
  std::mt19937_64 random(seed);
  const std::uint64_t keys = seed % 3 == 0 ? 50 : seed % 3 == 1 ? 1000 : 20000;
  std::vector<World> worlds(1);

  for (int round = 0; round < 40; ++round) {
    World& world = worlds[random() % worlds.size()];
    const unsigned erase_percent = round % 8 < 4 ? 20 : 75;  // grows, then shrinks
    for (int i = 0; i < 300; ++i) change(world, random, keys, erase_percent);
    CHECK(same_bound(world.tree, world.model, "key-" + std::to_string(random() % keys)));
    if (worlds.size() < 6) {
      worlds.push_back(World(world));
    } else {
      worlds[random() % worlds.size()] = World(worlds[random() % worlds.size()]);
    }
    for (const World& each : worlds) CHECK(same(each.tree, each.model));
  }
  for (World& world : worlds) CHECK(same_backwards(world.tree, world.model));
}

TEST_CASE("keys in rising, falling and random order all come out in order, and all can go again") {
  const auto order = GENERATE(0, 1, 2);
  std::mt19937_64 random(3);
  std::vector<int> numbers(30'000);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  if (order == 1) std::reverse(numbers.begin(), numbers.end());
  if (order == 2) std::shuffle(numbers.begin(), numbers.end(), random);

  Tree<int, long> tree;
  for (const int number : numbers) tree.put(number, number * 2L);
  int expected = 0;
  for (const auto [key, row] : tree) {
    if (key != expected || row != expected * 2L) break;
    ++expected;
  }
  CHECK(expected == 30'000);

  std::shuffle(numbers.begin(), numbers.end(), random);
  bool all = true;
  for (const int number : numbers) all = all && tree.erase(number);
  CHECK(all);
  CHECK(tree.begin() == tree.end());
}

TEST_CASE("a scan starts at its key and ends when told") {
  Tree<int, Nothing> set;
  for (int i = 0; i < 1000; i += 2) set.put(i, {});
  std::vector<int> seen;

  set.scan(501, [&seen](int key, Nothing) {
    seen.push_back(key);
    return seen.size() < 3;
  });

  CHECK(seen == std::vector<int>{502, 504, 506});
}

TEST_CASE("rows are destroyed exactly when the last copy that has them is gone") {
  const auto row = std::make_shared<int>(1);
  {
    Tree<int, std::shared_ptr<int>> tree;
    for (int i = 0; i < 500; ++i) tree.put(i, row);
    auto copy = tree;
    for (int i = 0; i < 500; i += 3) tree.erase(i);
    copy.put(1000, row);
    tree.clear();
    CHECK(row.use_count() > 500);
  }
  CHECK(row.use_count() == 1);
}

TEST_CASE("changing a tree nobody shares keeps its rows where they are") {
  Tree<int, int> tree;
  for (int i = 0; i < 1000; ++i) tree.put(i, i);
  const int* before = tree.find(500);
  *tree.edit(500) = 7;
  CHECK(tree.find(500) == before);

  const auto snapshot = tree;
  *tree.edit(500) = 8;
  CHECK(tree.find(500) != before);
  CHECK(*snapshot.find(500) == 7);
}

TEST_CASE("other threads read their snapshots while the tree changes") {
  Tree<int, int> tree;
  for (int i = 0; i < 2000; ++i) tree.put(i, 0);
  std::atomic<int> wrong = 0;
  for (int round = 1; round <= 20; ++round) {
    std::thread reader([snapshot = tree, &wrong, round] {
      for (const auto [key, row] : snapshot) wrong += row == round - 1 ? 0 : 1;
    });
    for (int i = 0; i < 2000; ++i) *tree.edit(i) = round;
    reader.join();
  }
  CHECK(wrong == 0);
}

TEST_CASE("cost of the usual operations", "[!benchmark]") {
  Tree<std::uint64_t, std::uint64_t> tree;
  std::mt19937_64 random(1);
  for (int i = 0; i < 1'000'000; ++i) tree.put(random(), 1);
  BENCHMARK("put into a million") { return tree.put(random(), 1); };
  BENCHMARK("find in a million") { return tree.find(random()); };
  BENCHMARK("snapshot and one put") {
    const auto snapshot = tree;
    return tree.put(random(), 1) ? snapshot.size() : 0;
  };
}
