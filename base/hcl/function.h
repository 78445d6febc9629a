#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>

#include "base/hcl/datum.h"

namespace drover {
class Random;
}

namespace drover::hcl {

/// The files that functions may read. Paths are as written in the text; the implementation knows the base directory.
class Files {
 public:
  virtual ~Files() = default;
  virtual Result<std::string> read(std::string_view path) = 0;
  /// False where nothing is there; an error where it is no regular file.
  virtual Result<bool> exists(std::string_view path) = 0;
  /// Regular files below `folder` whose relative paths match the pattern (`*`, `?`, `**`), sorted.
  virtual Result<std::vector<std::string>> match(std::string_view folder, std::string_view pattern) = 0;
  virtual Result<std::string> absolute(std::string_view path) = 0;
  virtual Result<std::string> home() = 0;
};

/// What functions may reach outside of their arguments; null where they may not.
struct World {
  Random* random = nullptr;
  Files* files = nullptr;
};

struct Parameter {
  std::string_view name;
  Type type = Kind::dynamic;
  bool may_be_null = false;
};

using Arguments = std::span<const Datum>;

struct Function {
  std::vector<Parameter> parameters;
  std::optional<Parameter> rest;  ///< what any further arguments are
  Result<Datum> (*run)(const World& world, Arguments arguments);
};

/// The functions that expressions may call, by name. `try`, `can` and `convert` belong to the evaluator and are there
/// wherever a table is. A value; copies share what none of them has added to.
class Functions {
 public:
  explicit Functions(World world = {}) : world_(world) {}
  /// The same functions in another world.
  Functions(World world, const Functions& like) : world_(world), table_(like.table_) {}

  void add(std::string_view name, Function function);
  const Function* find(std::string_view name) const;
  std::vector<std::string_view> names() const;
  const World& world() const { return world_; }

 private:
  using Table = std::map<std::string, Function, std::less<>>;

  World world_;
  std::shared_ptr<Table> table_ = std::make_shared<Table>();  ///< changed only by its one owner
};

/// Strings, collections, numbers, encodings, hashes, times, addresses and files: all of job files' functions.
/// The world outlives the table.
Functions standard_functions(World world);

}  // namespace drover::hcl
