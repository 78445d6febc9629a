#include "model/node_class.h"

#include <cstdint>
#include <map>
#include <string_view>

#include "model/proto/node.pb.h"

namespace drover::model {
namespace {

/// FNV-1a over texts, each ended so that "ab","c" and "a","bc" differ.
class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) mix(static_cast<unsigned char>(c));
    mix(0xff);
  }
  std::uint64_t value() const { return value_; }

 private:
  void mix(unsigned char byte) {
    value_ ^= byte;
    value_ *= 1099511628211u;
  }
  std::uint64_t value_ = 14695981039346656037u;
};

template <class Map>
void add_shared(Hash& hash, const Map& map) {
  const std::map<std::string, std::string> sorted(map.begin(), map.end());
  for (const auto& [key, value] : sorted) {
    if (key.starts_with("unique.")) continue;
    hash.add(key);
    hash.add(value);
  }
  hash.add("");
}

}  // namespace

std::string computed_class(const Node& node) {
  Hash hash;
  hash.add(node.datacenter());
  hash.add(node.node_class());
  hash.add(node.node_pool());
  add_shared(hash, node.attributes());
  add_shared(hash, node.meta());
  for (const auto& device : node.node_resources().devices()) {
    hash.add(device.vendor());
    hash.add(device.type());
    hash.add(device.name());
  }
  return "v1:" + std::to_string(hash.value());
}

}  // namespace drover::model
