#pragma once

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

/// Cuts a page out of `rows`, which are in the order of the list. `token_of(row)` names a row; `is_before(row, token)`
/// says that a row stands before the one that the token names (so the page begins with the first that does not).
template <class Row, class TokenOf, class IsBefore>
Page<Row> take_page(std::vector<Row> rows, const Params& params, const TokenOf& token_of, const IsBefore& is_before) {
  Page<Row> page;
  auto first = rows.begin();
  if (!params.next_token.empty()) {
    first = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return !is_before(row, params.next_token); });
  }
  auto last = rows.end();
  if (params.per_page != 0 && static_cast<std::size_t>(last - first) > params.per_page) {
    last = first + static_cast<std::ptrdiff_t>(params.per_page);
    page.next_token = token_of(*last);
  }
  if (first == rows.begin() && last == rows.end()) {
    page.rows = std::move(rows);
  } else {
    page.rows.assign(std::make_move_iterator(first), std::make_move_iterator(last));
  }
  return page;
}

}  // namespace drover::api
