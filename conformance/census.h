#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <string>

/// What a process, or the machine, holds: taken before and after.
namespace drover::conformance {

std::size_t descriptors_of(int pid);
std::size_t threads_of(int pid);
std::size_t memory_kb_of(int pid);  ///< resident
/// Processes whose environment or command line holds the text, zombies left out.
std::set<int> processes_with(const std::string& text);
bool is_alive(int pid);
/// Mount points below the folder, and control groups whose path holds the text.
std::set<std::string> mounts_below(const std::string& folder);
std::set<std::string> cgroups_with(const std::string& text);

/// What a wrong driver leaves is not left to the machine: a later judge would take it for its own driver's. Each returns when the thing is
/// gone, or after `removal_max`.
inline constexpr std::chrono::seconds removal_max{5};
void end_process(int pid);
void remove_mount(const std::string& path);
/// With the groups below it, and whatever still runs in them.
void remove_cgroup(const std::string& folder);

}  // namespace drover::conformance
