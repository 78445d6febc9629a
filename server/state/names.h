#pragma once

#include "server/state/snapshot.h"

/// Names and numbers: how the state replaces ids by 32-bit numbers.
namespace drover::server {

constexpr RowNumber none = 0;

/// The next number that is not in use: numbers are not handed out again soon, which keeps old ones from misleading.
template <class Taken>
RowNumber next_number(RowNumber last, const Taken& taken) {
  do {
    ++last;
  } while (last == none || taken(last));
  return last;
}

/// The number of a name, with one more use of it.
template <class Key>
RowNumber use_name(Names<Key>& names, const Key& key) {
  if (const RowNumber* found = names.numbers.find(key)) {
    ++names.entries.edit(*found)->uses;
    return *found;
  }
  const RowNumber number = next_number(names.last, [&names](RowNumber n) { return names.entries.find(n) != nullptr; });
  names.last = number;
  names.numbers.put(key, number);
  names.entries.put(number, typename Names<Key>::Entry{.key = key, .uses = 1});
  return number;
}

/// One use less; an unused name is forgotten.
template <class Key>
void release_name(Names<Key>& names, RowNumber number) {
  if (number == none) return;
  auto* entry = names.entries.edit(number);
  if (--entry->uses > 0) return;
  names.numbers.erase(Key(entry->key));
  names.entries.erase(number);
}

}  // namespace drover::server
