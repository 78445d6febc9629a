#pragma once

#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/files/task_files.h"

/// Folders and mounts of allocations, as blocking functions. Any thread; one at a time for one allocation.
namespace drover::agent {

/// Where an allocation of that id lives below `alloc_dir`. Nothing is touched.
AllocDirs alloc_dirs_at(const std::string& alloc_dir, const std::string& alloc_id);
TaskDirs task_dirs_at(const std::string& alloc_dir, const std::string& alloc_id, const std::string& task);

/// One path component, neither hidden nor special: what may become a folder's name.
Result<void> check_folder_name(const std::string& name);

/// Makes what is missing; modes and owners of what is there stay.
Result<AllocDirs> build_alloc_folders(const std::string& alloc_dir, const std::string& alloc_id);
Result<TaskDirs> build_task_folders(const std::string& alloc_dir, const std::string& alloc_id, const std::string& task,
                                    std::uint64_t secrets_mb);

/// Unmounts what was mounted for its tasks, and deletes the folder without ever crossing into another file system or
/// following a link. `unavailable` names a mount that stays.
Result<void> remove_alloc_folder(const std::string& alloc_dir, const std::string& alloc_id);

/// Names of folders in `alloc_dir`, sorted.
std::vector<std::string> list_alloc_folders(const std::string& alloc_dir);

}  // namespace drover::agent
