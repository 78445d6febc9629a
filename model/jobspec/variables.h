#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/hcl/content.h"
#include "model/jobspec/jobspec.h"

/// Input variables and locals of a job file.
namespace drover::model::jobspec {

/// Everything that was read and that the job's tree may point into.
struct Texts {
  std::vector<hcl::File> files;
  std::vector<std::unique_ptr<hcl::JsonFile>> json;
  std::vector<std::shared_ptr<const hcl::Source>> sources;
  std::vector<hcl::ExpressionPtr> expressions;
};

class Variables {
 public:
  Variables(const JobspecOptions& options, const hcl::Functions& functions, Texts& texts, hcl::Diagnostics& out)
      : options_(options), functions_(functions), texts_(texts), out_(out) {}

  void declare(const hcl::FoundBlock& block);          ///< variable "x" { … }
  void declare_untyped(const hcl::FoundBlock& block);  ///< variables { x = … }
  void declare_locals(const hcl::FoundBlock& block);   ///< locals { x = … }

  /// Gives every variable its value from all sources, checks it, computes the locals, and puts `var` and `local` into
  /// the scope.
  void resolve(hcl::Scope& scope);

 private:
  struct Validation {
    hcl::FoundBlock block;
  };
  struct Variable {
    hcl::Range range;
    std::optional<hcl::Type> type;
    std::optional<hcl::Datum> value;
    hcl::Range value_range;
    std::string value_from = "default";
    bool bad = false;  ///< its declaration or value is wrong: say no more about it
    std::vector<hcl::FoundBlock> validations;
  };

  Variable* add(const std::string& name, const hcl::Range& at);
  void read_environment();
  void read_file(const VariableFile& file);
  void read_flag(const std::string& flag);
  void set(const std::string& name, const hcl::Datum& value, const hcl::Range& at, const std::string& from);
  void set_text(const std::string& name, const std::string& text, const std::string& from, const std::string& source_name);
  void undeclared(const std::string& name, const hcl::Range& at, const std::string& where);
  void check(const std::string& name, Variable& variable);
  void validate(const std::string& name, const Variable& variable, const hcl::FoundBlock& block, const hcl::Scope& scope);
  void resolve_locals(hcl::Scope& scope);
  void resolve_circles(hcl::Scope& scope, std::set<std::string> left, const std::map<std::string, std::set<std::string>>& needs);

  const JobspecOptions& options_;
  const hcl::Functions& functions_;
  Texts& texts_;
  hcl::Diagnostics& out_;
  std::map<std::string, Variable, std::less<>> variables_;
  std::map<std::string, hcl::FoundAttribute, std::less<>> locals_;
};

/// Whether a text is the JSON form: its first byte that is no blank is a brace.
bool looks_like_json(std::string_view text);

}  // namespace drover::model::jobspec
