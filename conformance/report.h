#pragma once

#include <string>

#include "conformance/suite.h"

/// A judgement as people, scripts and CI systems read it.
namespace drover::conformance {

std::string line_of(const Outcome& outcome);  ///< "PASS  start.twice"
std::string summary(const Judgement& judgement);
std::string as_json(const Judgement& judgement);
std::string as_junit(const Judgement& judgement);
std::string as_tap(const Judgement& judgement);
/// The specification: one clause a check (conformance/CLAUSES.md).
std::string clauses(const std::vector<Check>& checks);
/// One check a line: id, level, MUST or SHOULD.
std::string list(const std::vector<Check>& checks);

}  // namespace drover::conformance
