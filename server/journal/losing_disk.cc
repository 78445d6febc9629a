#include "server/journal/losing_disk.h"

#include <sqlite3.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <new>

#include <drover/result.h>

// A layer between SQLite and its usual files ("VFS"): it passes everything on, and looks at what is synced.
namespace drover::server::testing {
namespace {

LosingDisk* the_disk = nullptr;

sqlite3_vfs& real_vfs() {
  static sqlite3_vfs& real = *::sqlite3_vfs_find("unix");
  return real;
}

/// What SQLite sees as an open file; the real one follows it in the same memory.
struct File {
  sqlite3_file base;
  std::string* path;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real(); }
const sqlite3_io_methods& methods_of(sqlite3_file* file) { return *real(file)->pMethods; }

int on_close(sqlite3_file* file) {
  const int code = methods_of(file).xClose(real(file));
  delete reinterpret_cast<File*>(file)->path;
  return code;
}

int on_sync(sqlite3_file* file, int flags) {
  const int code = methods_of(file).xSync(real(file), flags);
  if (code == SQLITE_OK) the_disk->note_sync(*reinterpret_cast<File*>(file)->path);
  return code;
}

int on_read(sqlite3_file* file, void* into, int size, sqlite3_int64 at) { return methods_of(file).xRead(real(file), into, size, at); }
int on_write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) { return methods_of(file).xWrite(real(file), from, size, at); }
int on_truncate(sqlite3_file* file, sqlite3_int64 size) { return methods_of(file).xTruncate(real(file), size); }
int on_size(sqlite3_file* file, sqlite3_int64* size) { return methods_of(file).xFileSize(real(file), size); }
int on_lock(sqlite3_file* file, int level) { return methods_of(file).xLock(real(file), level); }
int on_unlock(sqlite3_file* file, int level) { return methods_of(file).xUnlock(real(file), level); }
int on_check_lock(sqlite3_file* file, int* held) { return methods_of(file).xCheckReservedLock(real(file), held); }
int on_control(sqlite3_file* file, int what, void* argument) { return methods_of(file).xFileControl(real(file), what, argument); }
int on_sector_size(sqlite3_file* file) { return methods_of(file).xSectorSize(real(file)); }
int on_characteristics(sqlite3_file* file) { return methods_of(file).xDeviceCharacteristics(real(file)); }
int on_shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** to) { return methods_of(file).xShmMap(real(file), page, size, extend, to); }
int on_shm_lock(sqlite3_file* file, int offset, int count, int flags) { return methods_of(file).xShmLock(real(file), offset, count, flags); }
void on_shm_barrier(sqlite3_file* file) { methods_of(file).xShmBarrier(real(file)); }
int on_shm_unmap(sqlite3_file* file, int remove) { return methods_of(file).xShmUnmap(real(file), remove); }

constexpr sqlite3_io_methods methods = {
    2,           on_close,   on_read,           on_write,   on_truncate,    on_sync,            on_size,    on_lock,     on_unlock,
    on_check_lock, on_control, on_sector_size, on_characteristics, on_shm_map, on_shm_lock, on_shm_barrier, on_shm_unmap, nullptr, nullptr};

int on_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* ours = new (file) File{};
  const int code = real_vfs().xOpen(&real_vfs(), name, ours->real(), flags, out_flags);
  if (!ours->real()->pMethods) return code;
  ours->path = new std::string(name ? name : "");
  ours->base.pMethods = &methods;
  return code;
}

int on_delete(sqlite3_vfs*, const char* name, int sync_folder) {
  const int code = real_vfs().xDelete(&real_vfs(), name, sync_folder);
  if (code == SQLITE_OK) the_disk->note_delete(name);
  return code;
}

sqlite3_vfs& vfs() {
  static sqlite3_vfs layer = [] {
    sqlite3_vfs made = real_vfs();
    made.szOsFile += static_cast<int>(sizeof(File));
    made.pNext = nullptr;
    made.zName = "losing";
    made.xOpen = on_open;
    made.xDelete = on_delete;
    return made;
  }();
  return layer;
}

}  // namespace

LosingDisk::LosingDisk() {
  DROVER_ASSERT(the_disk == nullptr);
  the_disk = this;
  ::sqlite3_vfs_register(&vfs(), 1);
}

LosingDisk::~LosingDisk() {
  ::sqlite3_vfs_unregister(&vfs());
  ::sqlite3_vfs_register(&real_vfs(), 1);
  the_disk = nullptr;
}

void LosingDisk::note_sync(const std::string& path) {
  ++syncs_;
  std::ifstream file(path, std::ios::binary);
  synced_[path] = std::string(std::istreambuf_iterator<char>(file), {});
}

void LosingDisk::restore(const std::filesystem::path& folder, const Image& image) {
  for (const char* name : {"journal.db", "journal.db-wal", "journal.db-shm"}) std::filesystem::remove(folder / name);
  for (const auto& [path, content] : image) std::ofstream(path, std::ios::binary) << content;
}

}  // namespace drover::server::testing
