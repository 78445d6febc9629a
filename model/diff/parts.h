#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

#include "model/proto/diff.pb.h"

/// How the parts of two jobs are compared: flat members, sets of texts, objects. For model/diff alone.
namespace drover::model::diff {

/// Members as texts, by name. A member that is not set at all is missing.
using Flat = std::map<std::string, std::string>;
using Fields = google::protobuf::RepeatedPtrField<FieldDiff>;
using Objects = google::protobuf::RepeatedPtrField<ObjectDiff>;
using Names = std::initializer_list<std::string_view>;

inline constexpr const char* none = "None";
inline constexpr const char* added = "Added";
inline constexpr const char* deleted = "Deleted";
inline constexpr const char* edited = "Edited";

/// Whether equal members are shown as well.
enum class Surroundings : bool { without, with };

/// The scalars of a message by their JSON names; none of a null message. Unset ones that mean "not given" are missing.
Flat flat(const google::protobuf::Message* message, Names except = {});
/// The same for `only` these.
Flat flat_only(const google::protobuf::Message* message, Names only);
/// JSON text as "a", "list[0]", "map[key]".
Flat flat_json(const std::string& text);
void add_map(Flat& out, const std::string& name, const google::protobuf::Map<std::string, std::string>& map);

void compare(const Flat& before, const Flat& after, Surroundings surroundings, Fields& out);

/// Type of a part of which one side may be missing.
const char* type_of(bool has_before, bool has_after);
bool same(const google::protobuf::Message* a, const google::protobuf::Message* b);

/// An object whose members are flat; nothing when both are equal.
void compare_object(std::string_view name, const google::protobuf::Message* before, const google::protobuf::Message* after, Objects& out,
                    Names except = {});
/// A set of texts. Equal sets are shown only with `show_equal`.
using Texts = google::protobuf::RepeatedPtrField<std::string>;
void compare_texts(std::string_view name, const Texts& before, const Texts& after, bool show_equal, Objects& out);

/// Objects without names: each is either in both, or added or deleted. `make(before, after)` compares two; one is null.
template <class Item>
using Make = std::function<void(const Item* before, const Item* after, Objects& out)>;

template <class Item>
void compare_set(const google::protobuf::RepeatedPtrField<Item>& before, const google::protobuf::RepeatedPtrField<Item>& after,
                 const Make<Item>& make, Objects& out) {
  std::map<std::string, const Item*> old_items;
  std::map<std::string, const Item*> new_items;
  for (const Item& item : before) old_items.emplace(item.SerializeAsString(), &item);
  for (const Item& item : after) new_items.emplace(item.SerializeAsString(), &item);
  for (const auto& [bytes, item] : new_items) {
    if (!old_items.contains(bytes)) make(nullptr, item, out);
  }
  for (const auto& [bytes, item] : old_items) {
    if (!new_items.contains(bytes)) make(item, nullptr, out);
  }
}

/// Objects with names; one that is in both is compared.
template <class Item, class NameOf>
void compare_named(const google::protobuf::RepeatedPtrField<Item>& before, const google::protobuf::RepeatedPtrField<Item>& after,
                   const NameOf& name_of, const Make<Item>& make, Objects& out) {
  std::map<std::string, std::pair<const Item*, const Item*>> both;
  for (const Item& item : before) both[name_of(item)].first = &item;
  for (const Item& item : after) both[name_of(item)].second = &item;
  for (const auto& [name, pair] : both) {
    if (!same(pair.first, pair.second)) make(pair.first, pair.second, out);
  }
}

}  // namespace drover::model::diff
