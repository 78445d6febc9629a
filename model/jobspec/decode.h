#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/hcl/content.h"
#include "model/jobspec/schema.h"

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

/// Fills messages from bodies by the table of schema.h.
namespace drover::model::jobspec {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// One block with what was found in it, for what the table cannot say.
struct DecodedBlock {
  std::string_view kind;
  const hcl::FoundBlock& block;
  const hcl::Content& content;
  Message& message;
};

class Decoder {
 public:
  /// `out` takes what is wrong with the file, `refusals` what is wrong with the job that it describes.
  Decoder(hcl::Diagnostics& out, hcl::Diagnostics& refusals);
  virtual ~Decoder() = default;

  /// Fills the message from a block of that kind.
  void decode(std::string_view kind, const hcl::FoundBlock& block, Message& message);

 protected:
  /// Called when a block's own arguments and blocks are in the message.
  virtual void finish(const DecodedBlock& decoded) = 0;
  hcl::Diagnostics& errors() { return out_; }
  hcl::Diagnostics& refusals() { return refusals_; }

 private:
  struct Table {
    std::vector<const Row*> rows;
    hcl::Schema schema;
    const Row* label = nullptr;

    const Row* find(std::string_view name) const;
  };

  using Tables = std::map<std::string_view, Table>;

  static Tables all_tables();
  static const Table& table(std::string_view kind);
  void argument(const Row& row, const hcl::FoundAttribute& found, Message& message);
  void nested(const Row& row, const hcl::FoundBlock& found, Message& message);
  bool only_once(const Row& row, const hcl::FoundBlock& found, std::map<std::string_view, const hcl::FoundBlock*>& seen);
  void map_block(const Row& row, const hcl::FoundBlock& found, Message& message);
  void map_argument(const Row& row, const hcl::FoundAttribute& found, Message& message);
  void put(const FieldDescriptor& field, Message& message, const std::string& key, const hcl::Datum& value, const hcl::Range& at);

  hcl::Diagnostics& out_;
  hcl::Diagnostics& refusals_;
};

/// A free body as a value: nested blocks become lists of maps, and so do maps written out as such.
Value free_body(const hcl::BodyView& body, hcl::Diagnostics& out);

}  // namespace drover::model::jobspec
