#pragma once

#include <cstddef>
#include <cstdint>

/// Tables of the Unicode Character Database, sorted by code point. Read through base/hcl/unicode.h.
namespace drover::hcl::unicode {

template <class Row>
struct Table {
  const Row* rows;
  std::size_t count;

  const Row* begin() const { return rows; }
  const Row* end() const { return rows + count; }
};

struct CodeRange {
  char32_t first, last;
};
struct ClassRange {
  char32_t first, last;
  std::uint8_t value;
};
/// `composed` is canonically `first` followed by `second` (0: by nothing); `composes` where the pair also becomes it again.
struct Mapping {
  char32_t composed, first, second;
  bool composes;
};
/// What to add to a character of the range for its upper and its lower case.
struct CaseMapping {
  char32_t first, last;
  std::int32_t upper, lower;
};

using CodeRanges = Table<CodeRange>;
using ClassRanges = Table<ClassRange>;
using Mappings = Table<Mapping>;
using CaseMappings = Table<CaseMapping>;

extern const CodeRanges id_start;
extern const CodeRanges id_continue;
extern const CodeRanges grapheme_extend;
extern const CodeRanges spacing_mark;
extern const CodeRanges pictographic;
extern const ClassRanges combining;
extern const Mappings mappings;
extern const CaseMappings cases;

}  // namespace drover::hcl::unicode
