#include "model/jobspec/about.h"

#include <map>
#include <utility>

namespace drover::model::jobspec {

const About* about(std::string_view block, std::string_view name) {
  using Key = std::pair<std::string_view, std::string_view>;
  static const std::map<Key, const About*> rows = [] {
    std::map<Key, const About*> out;
    for (const auto part : {about_job(), about_service(), about_task()})
      for (const About& row : part) out.emplace(Key(row.block, row.name), &row);
    return out;
  }();
  const auto at = rows.find({block, name});
  return at == rows.end() ? nullptr : at->second;
}

}  // namespace drover::model::jobspec
