#include "model/jobspec/decode.h"

#include <iterator>
#include <map>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "base/hcl/convert.h"
#include "base/hcl/duration.h"
#include "base/json/json.h"
#include "model/json/given_empty.h"

namespace drover::model::jobspec {

using hcl::Datum;
using hcl::Range;

namespace {

const FieldDescriptor& field_of(const Row& row, const Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i)
    if (type.field(i)->json_name() == row.field) return *type.field(i);
  assertion_failed("a row of the schema names a member that the message does not have");
}

bool is_block(Kind kind) {
  return kind == Kind::block || kind == Kind::blocks || kind == Kind::keyed || kind == Kind::aside || kind == Kind::free || kind == Kind::map ||
         kind == Kind::map_of_texts || kind == Kind::map_either;
}

bool is_argument(Kind kind) { return kind == Kind::map_either || (!is_block(kind) && kind != Kind::label); }

void refuse(const Range& at, std::string need, hcl::Diagnostics& out) { hcl::add_error(out, at, "Unsuitable value type", "Unsuitable value: " + need + "."); }

/// The value as the type; nothing after an error, or where it is null (an error too where `null_is_error`).
std::optional<Datum> fitting(const Datum& datum, const hcl::Type& type, bool null_is_error, const Range& at, hcl::Diagnostics& out) {
  if (datum.is_unknown()) return std::nullopt;
  if (datum.is_null()) {
    if (null_is_error) refuse(at, "null value is not allowed", out);
    return std::nullopt;
  }
  Result<Datum> value = hcl::convert(datum, type);
  if (value) return std::move(value).value();
  refuse(at, value.error().message, out);
  return std::nullopt;
}

std::optional<std::int64_t> whole(const Datum& number, const Range& at, hcl::Diagnostics& out) {
  const std::optional<std::int64_t> value = number.number().to_int64();
  if (!value) refuse(at, "value must be a whole number, between -9223372036854775808 and 9223372036854775807", out);
  return value;
}

void set_duration(const Datum& datum, const FieldDescriptor& field, Message& message, const Range& at, hcl::Diagnostics& out) {
  const auto* reflection = message.GetReflection();
  if (datum.is_unknown()) return;
  if (datum.is_null()) return refuse(at, "a duration such as \"30s\" is required, not null", out);
  if (datum.kind() == hcl::Kind::number) {
    if (const auto value = whole(datum, at, out)) reflection->SetInt64(&message, &field, *value);
    return;
  }
  if (datum.kind() != hcl::Kind::string) return refuse(at, "a duration such as \"30s\" is required", out);
  const std::optional<std::int64_t> value = hcl::parse_duration(datum.text());
  if (value) return reflection->SetInt64(&message, &field, *value);
  hcl::add_error(out, at, "Unsuitable duration value",
                 text("\"{}\" is no duration. Write a number with a unit (ns, us, ms, s, m, h), such as \"90s\" or \"1h30m\".", datum.text()));
}

/// What is wrong in a block says which block it is, and in which it stands.
void place_within(const hcl::FoundBlock& block, hcl::Diagnostics& out, std::size_t from) {
  const std::string name = block.type + (block.labels.empty() ? "" : " \"" + block.labels[0].text + "\"");
  for (std::size_t i = from; i < out.size(); ++i) out[i].within = out[i].within.empty() ? name : name + ", " + out[i].within;
}

}  // namespace

const Row* Decoder::Table::find(std::string_view name) const {
  for (const Row* row : rows)
    if (row->name == name) return row;
  return nullptr;
}

Decoder::Decoder(hcl::Diagnostics& out, hcl::Diagnostics& refusals) : out_(out), refusals_(refusals) {}

Decoder::Tables Decoder::all_tables() {
  Tables tables;
  for (const Row& row : all_rows()) {
    Table& table = tables[row.block];
    if (row.kind == Kind::label) {
      table.label = &row;
      continue;
    }
    table.rows.push_back(&row);
    if (is_argument(row.kind)) table.schema.attributes.push_back(hcl::AttributeSchema{row.name, row.required});
  }
  // Labels are known only when all rows are read.
  for (auto& [kind, table] : tables) {
    for (const Row* row : table.rows) {
      if (!is_block(row->kind)) continue;
      const auto inner = tables.find(row->of);
      const bool labelled = inner != tables.end() && inner->second.label;
      table.schema.blocks.push_back(hcl::BlockSchema{row->name, labelled ? std::vector<std::string_view>{"name"} : std::vector<std::string_view>{}});
    }
  }
  return tables;
}

const Decoder::Table& Decoder::table(std::string_view kind) {
  static const Tables tables = all_tables();  // five hundred rows, for every file that is read
  static const Table empty;
  const auto at = tables.find(kind);
  return at == tables.end() ? empty : at->second;  // a block without any argument, such as `mesh {}`
}

void Decoder::decode(std::string_view kind, const hcl::FoundBlock& block, Message& message) {
  const Table& rows = table(kind);
  const std::size_t errors_before = out_.size(), refusals_before = refusals_.size();
  const hcl::Content content = hcl::read_content(block.body, rows.schema, out_);
  if (rows.label && !rows.label->field.empty() && !block.labels.empty())
    message.GetReflection()->SetString(&message, &field_of(*rows.label, message), block.labels[0].text);
  for (const hcl::FoundAttribute& attribute : content.attributes) argument(*rows.find(attribute.name), attribute, message);
  std::map<std::string_view, const hcl::FoundBlock*> seen;
  for (const hcl::FoundBlock& inner : content.blocks) {
    const Row& row = *rows.find(inner.type);
    if (row.kind == Kind::map_either && content.find(row.name))
      hcl::add_error(out_, inner.header, text("Duplicate {} block", row.name), text("{} was already given as an argument.", row.name));
    if (only_once(row, inner, seen)) nested(row, inner, message);
  }
  finish(DecodedBlock{kind, block, content, message});
  place_within(block, out_, errors_before);
  place_within(block, refusals_, refusals_before);
}

bool Decoder::only_once(const Row& row, const hcl::FoundBlock& found, std::map<std::string_view, const hcl::FoundBlock*>& seen) {
  if (row.kind == Kind::blocks || row.kind == Kind::keyed || row.kind == Kind::aside) return true;
  const auto [at, is_first] = seen.emplace(row.name, &found);
  if (!is_first)
    hcl::add_error(out_, found.header, text("Duplicate {} block", row.name),
                   text("Only one {} block is allowed. Another was defined at {}.", row.name, hcl::to_text(at->second->header)));
  return is_first;
}

void Decoder::argument(const Row& row, const hcl::FoundAttribute& found, Message& message) {
  if (row.kind == Kind::special) return;
  if (row.kind == Kind::map_either || row.kind == Kind::map_argument) return map_argument(row, found, message);
  const FieldDescriptor& field = field_of(row, message);
  const auto* reflection = message.GetReflection();
  const Datum datum = found.evaluate(out_);
  const Range& at = found.value->range;
  const bool null_is_error = !field.has_presence() && !field.is_repeated();
  switch (row.kind) {
    case Kind::duration: return set_duration(datum, field, message, at, out_);
    case Kind::text:
      if (const auto value = fitting(datum, hcl::Kind::string, null_is_error, at, out_)) reflection->SetString(&message, &field, value->text());
      return;
    case Kind::integer:
      if (const auto value = fitting(datum, hcl::Kind::number, null_is_error, at, out_))
        if (const auto number = whole(*value, at, out_)) reflection->SetInt64(&message, &field, *number);
      return;
    case Kind::boolean:
      if (const auto value = fitting(datum, hcl::Kind::boolean, null_is_error, at, out_)) reflection->SetBool(&message, &field, value->boolean());
      return;
    case Kind::texts: case Kind::integers: {
      const bool texts = row.kind == Kind::texts;
      const auto list = fitting(datum, hcl::Type::list(texts ? hcl::Kind::string : hcl::Kind::number), false, at, out_);
      if (!list) return;
      if (list->items().empty()) mark_given_empty(message, field);
      for (const Datum& item : list->items()) {
        if (item.is_null()) return refuse(at, "null elements are not allowed", out_);
        if (texts) {
          reflection->AddString(&message, &field, item.text());
        } else if (const auto number = whole(item, at, out_)) {
          reflection->AddInt64(&message, &field, *number);
        }
      }
      return;
    }
    default: DROVER_ASSERT(false);
  }
}

void Decoder::nested(const Row& row, const hcl::FoundBlock& found, Message& message) {
  if (row.kind == Kind::aside) return;
  if (row.kind == Kind::map || row.kind == Kind::map_either || row.kind == Kind::map_of_texts) return map_block(row, found, message);
  const FieldDescriptor& field = field_of(row, message);
  const auto* reflection = message.GetReflection();
  switch (row.kind) {
    case Kind::block: return decode(row.of, found, *reflection->MutableMessage(&message, &field));
    case Kind::blocks: return decode(row.of, found, *reflection->AddMessage(&message, &field));
    case Kind::keyed: {
      Message* entry = reflection->AddMessage(&message, &field);
      entry->GetReflection()->SetString(entry, field.message_type()->map_key(), found.labels[0].text);
      return decode(row.of, found, *entry->GetReflection()->MutableMessage(entry, field.message_type()->map_value()));
    }
    case Kind::free: return reflection->SetString(&message, &field, json::write(free_body(found.body, out_)));
    default: DROVER_ASSERT(false);
  }
}

void Decoder::put(const FieldDescriptor& field, Message& message, const std::string& key, const Datum& datum, const Range& at) {
  const FieldDescriptor& value_field = *field.message_type()->map_value();
  const bool lists = value_field.message_type() != nullptr;
  const auto value = fitting(datum, lists ? hcl::Type::list(hcl::Kind::string) : hcl::Type(hcl::Kind::string), true, at, out_);
  if (!value) return;
  Message* entry = message.GetReflection()->AddMessage(&message, &field);
  const auto* reflection = entry->GetReflection();
  reflection->SetString(entry, field.message_type()->map_key(), key);
  if (!lists) return reflection->SetString(entry, &value_field, value->text());
  Message* list = reflection->MutableMessage(entry, &value_field);
  for (const Datum& item : value->items())
    if (!item.is_null()) list->GetReflection()->AddString(list, value_field.message_type()->field(0), item.text());
}

void Decoder::map_block(const Row& row, const hcl::FoundBlock& found, Message& message) {
  const FieldDescriptor& field = field_of(row, message);
  mark_given_empty(message, field);
  for (const hcl::FoundAttribute& attribute : hcl::read_attributes(found.body, out_)) put(field, message, attribute.name, attribute.evaluate(out_), attribute.value->range);
}

void Decoder::map_argument(const Row& row, const hcl::FoundAttribute& found, Message& message) {
  const Datum datum = found.evaluate(out_);
  if (!datum.is_known()) return;
  const Range& at = found.value->range;
  if (!datum.is_mapping()) return refuse(at, text("map of string required, but have {}", hcl::to_text(datum.type())), out_);
  const FieldDescriptor& field = field_of(row, message);
  mark_given_empty(message, field);
  for (const auto& [name, value] : datum.members()) put(field, message, name, value, at);
}

namespace {

/// `b "l" { }` is "b": [{"l": [{}]}].
Value labelled(const std::vector<hcl::Label>& labels, Value body) {
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    Value list = Value::list();
    list.push(std::move(body));
    Value outer = Value::map();
    outer.set(label->text, std::move(list));
    body = std::move(outer);
  }
  return body;
}

}  // namespace

Value free_body(const hcl::BodyView& body, hcl::Diagnostics& out) {
  std::map<std::string, Value> members;
  const auto set = [&](const hcl::FoundAttribute& attribute) {
    const Datum datum = attribute.evaluate(out);
    if (datum.is_unknown()) return;
    Result<Value> converted = hcl::to_value(datum);
    if (!converted) return hcl::add_error(out, attribute.value->range, "Unsuitable value", converted.error().message + ".");
    const bool written_out = body.native && std::holds_alternative<hcl::Object>(attribute.value->node);
    Value& member = members[attribute.name];
    member = written_out ? Value::list() : std::move(converted).value();
    if (written_out) member.push(std::move(converted).value());
  };
  if (body.json) {
    for (const hcl::FoundAttribute& attribute : hcl::read_attributes(body, out)) set(attribute);
  } else {
    for (const hcl::Attribute& a : body.native->attributes) set(hcl::FoundAttribute{a.name, a.name_range, a.value.get(), body.scope});
    for (const hcl::Block& block : body.native->blocks) {
      Value inner = labelled(block.labels, free_body(hcl::BodyView{&block.body, nullptr, body.scope}, out));
      Value& member = members[block.type];
      if (member.is_null() || member.is_list()) member.push(std::move(inner));
    }
  }
  Value::Map map(std::make_move_iterator(members.begin()), std::make_move_iterator(members.end()));
  return Value(std::move(map));
}

}  // namespace drover::model::jobspec
