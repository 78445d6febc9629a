#pragma once

#include <drover/result.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/params.h"

namespace drover::api {

/// Part of a list, and where the next part begins ("" at the end).
template <class Row>
struct Page {
  std::vector<Row> rows;
  std::string next_token;
};

/// "<index>.<id>": the place of a row in lists that are ordered by creation.
struct PlaceByIndex {
  Index index = 0;
  std::string id;
  friend auto operator<=>(const PlaceByIndex&, const PlaceByIndex&) = default;
};
std::string to_token(const PlaceByIndex& place);
/// A token without a number is an id alone (index 0).
PlaceByIndex parse_place(std::string_view token);

/// Cuts a page out of `rows`, which are in the order of the list, counting only rows that pass. `token_of(row)` names a
/// row; `is_before(row, token)` says that a row stands before the one that the token names (so the page begins with the
/// first that does not); `passes(row)` is a Result<bool>, asked of no row behind the page.
template <class Row, class TokenOf, class IsBefore, class Passes>
Result<Page<Row>> take_page(std::vector<Row> rows, const Params& params, const TokenOf& token_of, const IsBefore& is_before,
                            const Passes& passes) {
  Page<Row> page;
  auto row = rows.begin();
  if (!params.next_token.empty()) {
    row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return !is_before(one, params.next_token); });
  }
  for (; row != rows.end(); ++row) {
    DROVER_LET(const bool passed, passes(*row));
    if (!passed) continue;
    if (params.per_page != 0 && page.rows.size() == params.per_page) {
      page.next_token = token_of(*row);
      break;
    }
    page.rows.push_back(std::move(*row));
  }
  return page;
}

}  // namespace drover::api
