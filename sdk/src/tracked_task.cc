#include "sdk/src/tracked_task.h"

#include "base/msgpack/msgpack.h"

namespace drover::sdk {

std::string encode(const SavedTask& saved) {
  Value value = Value::map();
  value.set("checkpoint", saved.checkpoint);
  value.set("config", saved.config_msgpack);
  value.set("started_at", static_cast<std::int64_t>(saved.started_at.time_since_epoch().count()));
  return msgpack::encode(value);
}

Result<SavedTask> decode_saved(const std::string& bytes) {
  DROVER_LET(const Value value, msgpack::decode(bytes));
  const Value* checkpoint = value.find("checkpoint");
  const Value* config = value.find("config");
  const Value* started_at = value.find("started_at");
  if (checkpoint == nullptr || !checkpoint->is_text() || config == nullptr || !config->is_text() ||
      started_at == nullptr || !started_at->is_integer()) {
    return fail(Code::invalid, "the saved state of the task is not of this driver");
  }
  return SavedTask{checkpoint->text(), config->text(), Instant(Duration(started_at->integer()))};
}

}  // namespace drover::sdk
