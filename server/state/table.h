#pragma once

#include <cstddef>
#include <utility>

#include "base/cow/tree.h"

namespace drover::server {

/// An ordered table of the state: a copy-on-write tree, so that copies of the state cost nothing.
template <class Key, class Row>
class Table {
 public:
  std::size_t size() const { return rows_.size(); }

  /// Null when there is none. Valid until the table changes.
  const Row* find(const Key& key) const { return rows_.find(key); }

  /// The same row to be changed in place. Valid until the next call.
  Row* edit(const Key& key) { return rows_.edit(key); }

  /// Inserts or replaces.
  void put(const Key& key, Row row) { rows_.put(key, std::move(row)); }
  /// True when there was one. `key` is no reference into the table.
  bool erase(const Key& key) { return rows_.erase(key); }

  /// Visits rows from `from` on (inclusive) in key order, until the visitor returns false.
  template <class Visitor>
  void each(const Key& from, Visitor&& visit) const {
    rows_.scan(from, std::forward<Visitor>(visit));
  }

 private:
  cow::Tree<Key, Row> rows_;
};

}  // namespace drover::server
