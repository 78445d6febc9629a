#pragma once

#include <span>
#include <string_view>

/// What people are told of each row of schema.h: in the editor, in docs/jobspec.md, in the JSON Schema.
namespace drover::model::jobspec {

struct About {
  std::string_view block, name;  ///< the row
  std::string_view fallback;     ///< what it is where the file does not say; empty where there is nothing
  std::string_view choices;      ///< the texts it may be, separated by commas; empty where it may be any
  std::string_view text;         ///< half a sentence, without a full stop
};

/// Of the job and its groups; of services and what belongs to them; of tasks.
std::span<const About> about_job();
std::span<const About> about_service();
std::span<const About> about_task();

/// Null where there is no such row.
const About* about(std::string_view block, std::string_view name);

}  // namespace drover::model::jobspec
