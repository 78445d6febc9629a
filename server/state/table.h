#pragma once

#include <cstddef>
#include <map>
#include <memory>

namespace drover::server {

/// An ordered table whose copy shares everything with the original until one of them changes.
template <class Key, class Row>
class Table {
 public:
  std::size_t size() const { return rows_ ? rows_->size() : 0; }

  /// Null when there is none. Valid until the table changes.
  const Row* find(const Key& key) const {
    if (!rows_) return nullptr;
    const auto at = rows_->find(key);
    return at == rows_->end() ? nullptr : &at->second;
  }

  /// Inserts or replaces.
  void put(const Key& key, Row row) { own().insert_or_assign(key, std::move(row)); }
  bool erase(const Key& key) { return rows_ && own().erase(key) > 0; }

  /// Visits rows from `from` on (inclusive) in key order, until the visitor returns false.
  template <class Visitor>
  void each(const Key& from, Visitor&& visit) const {
    if (!rows_) return;
    for (auto at = rows_->lower_bound(from); at != rows_->end(); ++at) {
      if (!visit(at->first, at->second)) return;
    }
  }

 private:
  using Rows = std::map<Key, Row>;

  Rows& own() {
    if (!rows_) rows_ = std::make_shared<Rows>();
    if (rows_.use_count() > 1) rows_ = std::make_shared<Rows>(*rows_);
    return *rows_;
  }

  std::shared_ptr<Rows> rows_;
};

}  // namespace drover::server
