#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

#include "base/cow/slots.h"

namespace drover::cow {

/// The row of a Tree that is a set of keys.
struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};

/// An ordered table (B+tree) whose copies are snapshots: copying costs one counter, whatever the size.
///
/// A change copies the nodes on its path that other copies still share, and works in place on those that none does.
/// One copy is used by one thread at a time; different copies, of the same origin too, by different threads.
/// Keys and rows are copyable values; keys are found by anything `Less` compares with them (`std::less<>`: e.g.
/// string_view for string). Rows should be small: what is big belongs behind a shared_ptr<const T>.
///
///   Tree<std::string, JobRow> jobs;
///   jobs.put("web", row);
///   const auto snapshot = jobs;                         // O(1)
///   if (JobRow* row = jobs.edit("web")) row->stop = true;  // snapshot does not see it
///   for (auto at = snapshot.lower_bound("w"); at != snapshot.end(); ++at) use(at.key(), at.row());
template <class Key, class Row, class Less = std::less<>>
class Tree {
  struct Node;
  struct Leaf;
  struct Inner;

 public:
  class Iterator;

  Tree() = default;
  Tree(const Tree& other) : root_(other.root_), size_(other.size_) { retain(root_); }
  Tree(Tree&& other) noexcept : root_(std::exchange(other.root_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Tree& operator=(Tree other) noexcept {
    std::swap(root_, other.root_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Tree() { release(root_); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear() { *this = Tree(); }

  /// The row of that key, or null. Valid until this copy of the tree changes.
  template <class K>
  const Row* find(const K& key) const {
    const Node* node = root_;
    if (node == nullptr) return nullptr;
    while (node->level > 0) node = inner(node).children[child_of(inner(node), key)];
    const Leaf& leaf = leaf_of(node);
    const std::size_t at = lower_in(leaf, key);
    return holds(leaf, at, key) ? &leaf.rows[at] : nullptr;
  }
  template <class K>
  bool contains(const K& key) const {
    return find(key) != nullptr;
  }

  /// The same row to be changed in place, or null. Valid until the next call of put, erase, edit, or a copy is taken.
  template <class K>
  Row* edit(const K& key) {
    if (!contains(key)) return nullptr;
    Node** place = &root_;
    for (;;) {
      Node* node = own(*place);
      if (node->level == 0) return &leaf_of(node).rows[lower_in(leaf_of(node), key)];
      place = &inner(node).children[child_of(inner(node), key)];
    }
  }

  /// Inserts or replaces; true when the key is new.
  bool put(Key key, Row row) {
    if (root_ == nullptr) root_ = new Leaf();
    bool added = false;
    std::optional<Split> split = put_in(root_, std::move(key), std::move(row), true, added);
    if (split) {
      auto* top = new Inner(root_->level + 1);
      top->count = 2;
      top->children[0] = root_;
      top->children[1] = split->right;
      top->keys.insert(0, 0, std::move(split->separator));
      root_ = top;
    }
    size_ += added ? 1 : 0;
    return added;
  }

  /// True when there was such a key. `key` is no reference into this tree.
  template <class K>
  bool erase(const K& key) {
    if (!contains(key)) return false;
    erase_in(root_, key);
    --size_;
    if (root_->level > 0 && root_->count == 1) {
      Node* only = std::exchange(inner(root_).children[0], nullptr);
      root_->count = 0;
      release(std::exchange(root_, only));
    }
    if (root_->count == 0) release(std::exchange(root_, nullptr));
    return true;
  }

  Iterator begin() const { return Iterator::at_edge(root_, false); }
  Iterator end() const { return Iterator::at_edge(root_, true); }

  /// The first entry whose key is not less than `key`.
  template <class K>
  Iterator lower_bound(const K& key) const {
    Iterator result;
    const Node* node = root_;
    if (node == nullptr) return result;
    while (node->level > 0) {
      const std::size_t at = child_of(inner(node), key);
      result.push(node, at);
      node = inner(node).children[at];
    }
    result.push(node, lower_in(leaf_of(node), key));
    result.settle();
    return result;
  }

  /// Calls `visit(key, row)` in order from `key` on, until it returns false.
  template <class K, class Visit>
  void scan(const K& key, Visit&& visit) const {
    const Iterator last = end();
    for (Iterator at = lower_bound(key); at != last; ++at) {
      if (!visit(at.key(), at.row())) return;
    }
  }

 private:
  // About 2 kB a leaf: few allocations, yet copying one costs well under a microsecond for plain rows.
  static constexpr std::size_t entry_size = sizeof(Key) + (std::is_empty_v<Row> ? 0 : sizeof(Row));
  static constexpr std::size_t leaf_max = std::clamp<std::size_t>(2048 / entry_size, 8, 128);
  static constexpr std::size_t inner_max = 32;
  static constexpr std::size_t depth_max = 24;

  struct Node {
    explicit Node(std::uint32_t its_level) : level(static_cast<std::uint16_t>(its_level)) {}
    std::atomic<std::uint32_t> refs{1};
    std::uint16_t count = 0;  ///< entries of a leaf, children of an inner node
    std::uint16_t level;      ///< 0 = leaf
  };

  struct Leaf : Node {
    Leaf() : Node(0) {}
    Leaf(const Leaf& other) : Node(0) {
      keys.copy(other.keys, other.count);
      rows.copy(other.rows, other.count);
      this->count = other.count;
    }
    ~Leaf() {
      keys.destroy(this->count);
      rows.destroy(this->count);
    }
    Slots<Key, leaf_max> keys;
    [[no_unique_address]] Slots<Row, leaf_max> rows;
  };

  /// All keys of children[i] are less than keys[i], which is not greater than those of children[i + 1].
  struct Inner : Node {
    explicit Inner(std::uint32_t level) : Node(level) {}
    Inner(const Inner& other) : Node(other.level) {
      keys.copy(other.keys, other.count - 1);
      for (std::size_t i = 0; i < other.count; ++i) children[i] = retain(other.children[i]);
      this->count = other.count;
    }
    ~Inner() {
      if (this->count == 0) return;
      keys.destroy(this->count - 1);
      for (std::size_t i = 0; i < this->count; ++i) release(children[i]);
    }
    Slots<Key, inner_max - 1> keys;
    Node* children[inner_max];
  };

  struct Split {
    Key separator;
    Node* right;
  };

  static Leaf& leaf_of(Node* node) { return *static_cast<Leaf*>(node); }
  static const Leaf& leaf_of(const Node* node) { return *static_cast<const Leaf*>(node); }
  static Inner& inner(Node* node) { return *static_cast<Inner*>(node); }
  static const Inner& inner(const Node* node) { return *static_cast<const Inner*>(node); }

  static Node* retain(Node* node) {
    if (node != nullptr) node->refs.fetch_add(1, std::memory_order_relaxed);
    return node;
  }

  static void release(Node* node) {
    if (node == nullptr || node->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (node->level == 0) {
      delete &leaf_of(node);
    } else {
      delete &inner(node);
    }
  }

  /// Makes the node at `place` this tree's own. Its parent is already.
  static Node* own(Node*& place) {
    // Acquire: what another thread read through the reference it has just given up, it read before we write.
    if (place->refs.load(std::memory_order_acquire) == 1) return place;
    Node* copy = place->level == 0 ? static_cast<Node*>(new Leaf(leaf_of(place))) : new Inner(inner(place));
    release(std::exchange(place, copy));
    return copy;
  }

  template <class K>
  static std::size_t lower_in(const Leaf& leaf, const K& key) {
    std::size_t low = 0;
    for (std::size_t high = leaf.count; low < high;) {
      const std::size_t middle = (low + high) / 2;
      if (Less()(leaf.keys[middle], key)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  template <class K>
  static bool holds(const Leaf& leaf, std::size_t at, const K& key) {
    return at < leaf.count && !Less()(key, leaf.keys[at]);
  }

  template <class K>
  static std::size_t child_of(const Inner& node, const K& key) {
    std::size_t low = 0;
    for (std::size_t high = node.count - 1u; low < high;) {
      const std::size_t middle = (low + high) / 2;
      if (Less()(key, node.keys[middle])) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /// `rightmost`: nothing in the tree is greater than this node's keys.
  std::optional<Split> put_in(Node*& place, Key&& key, Row&& row, bool rightmost, bool& added) {
    Node* node = own(place);
    if (node->level == 0) return put_in_leaf(leaf_of(node), std::move(key), std::move(row), rightmost, added);
    Inner& here = inner(node);
    const std::size_t at = child_of(here, key);
    const bool still_rightmost = rightmost && at + 1u == here.count;
    std::optional<Split> split = put_in(here.children[at], std::move(key), std::move(row), still_rightmost, added);
    if (!split) return std::nullopt;
    return add_child(here, at, std::move(*split), still_rightmost);
  }

  static std::optional<Split> put_in_leaf(Leaf& leaf, Key&& key, Row&& row, bool rightmost, bool& added) {
    const std::size_t at = lower_in(leaf, key);
    if (holds(leaf, at, key)) {
      leaf.rows[at] = std::move(row);
      return std::nullopt;
    }
    added = true;
    if (leaf.count < leaf_max) {
      insert_entry(leaf, at, std::move(key), std::move(row));
      return std::nullopt;
    }
    // Keys that come in order leave full leaves behind, not half ones.
    const std::size_t keep = rightmost && at == leaf.count ? leaf.count : leaf.count / 2u;
    auto* right = new Leaf();
    move_entries(leaf, keep, *right);
    if (at > keep || right->count == 0) {
      insert_entry(*right, at - keep, std::move(key), std::move(row));
    } else {
      insert_entry(leaf, at, std::move(key), std::move(row));
    }
    return Split{right->keys[0], right};
  }

  static void insert_entry(Leaf& leaf, std::size_t at, Key&& key, Row&& row) {
    leaf.keys.insert(at, leaf.count, std::move(key));
    leaf.rows.insert(at, leaf.count, std::move(row));
    ++leaf.count;
  }

  /// Moves the entries from `first` on to the end of `to`.
  static void move_entries(Leaf& from, std::size_t first, Leaf& to) {
    const std::size_t moved = from.count - first;
    to.keys.take(to.count, from.keys, first, moved);
    to.rows.take(to.count, from.rows, first, moved);
    to.count = static_cast<std::uint16_t>(to.count + moved);
    from.count = static_cast<std::uint16_t>(first);
  }

  /// Takes in what child `at` has split off.
  static std::optional<Split> add_child(Inner& node, std::size_t at, Split&& split, bool rightmost) {
    if (node.count < inner_max) {
      insert_child(node, at, std::move(split));
      return std::nullopt;
    }
    if (rightmost) {  // again: a full node stays behind
      auto* right = new Inner(node.level);
      right->count = 1;
      right->children[0] = split.right;
      return Split{std::move(split.separator), right};
    }
    const std::size_t keep = node.count / 2u;
    auto* right = new Inner(node.level);
    Key separator = move_children(node, keep, *right);
    if (at >= keep) {
      insert_child(*right, at - keep, std::move(split));
    } else {
      insert_child(node, at, std::move(split));
    }
    return Split{std::move(separator), right};
  }

  static void insert_child(Inner& node, std::size_t at, Split&& split) {
    node.keys.insert(at, node.count - 1u, std::move(split.separator));
    std::move_backward(node.children + at + 1, node.children + node.count, node.children + node.count + 1);
    node.children[at + 1] = split.right;
    ++node.count;
  }

  /// Moves the children from `first` on into the empty `to`; returns the key between.
  static Key move_children(Inner& from, std::size_t first, Inner& to) {
    const std::size_t moved = from.count - first;
    std::copy(from.children + first, from.children + from.count, to.children);
    to.keys.take(0, from.keys, first, moved - 1);
    Key between = std::move(from.keys[first - 1]);
    from.keys.erase(first - 1, first);
    to.count = static_cast<std::uint16_t>(moved);
    from.count = static_cast<std::uint16_t>(first);
    return between;
  }

  template <class K>
  static void erase_in(Node*& place, const K& key) {
    Node* node = own(place);
    if (node->level == 0) {
      Leaf& leaf = leaf_of(node);
      const std::size_t at = lower_in(leaf, key);
      leaf.keys.erase(at, leaf.count);
      leaf.rows.erase(at, leaf.count);
      --leaf.count;
      return;
    }
    const std::size_t at = child_of(inner(node), key);
    erase_in(inner(node).children[at], key);
    refill(inner(node), at);
  }

  /// Joins child `at` with a neighbour when it has become too lean; where they do not fit in one, they share evenly.
  static void refill(Inner& node, std::size_t at) {
    const std::size_t max = node.level == 1 ? leaf_max : inner_max;
    if (node.children[at]->count > max / 3 || node.count == 1) return;
    const std::size_t left_at = at > 0 ? at - 1 : 0;
    Node* left = own(node.children[left_at]);
    Node* right = own(node.children[left_at + 1]);
    const std::size_t together = static_cast<std::size_t>(left->count) + right->count;
    if (node.level == 1) {
      share(leaf_of(left), leaf_of(right), together <= leaf_max ? together : together / 2);
      if (right->count > 0) node.keys[left_at] = leaf_of(right).keys[0];
    } else {
      share(inner(left), inner(right), together <= inner_max ? together : together / 2, node.keys[left_at]);
    }
    if (right->count > 0) return;
    node.keys.erase(left_at, node.count - 1u);
    std::move(node.children + left_at + 2, node.children + node.count, node.children + left_at + 1);
    --node.count;
    release(right);
  }

  /// Moves entries between neighbours until the left one has `left_count`.
  static void share(Leaf& left, Leaf& right, std::size_t left_count) {
    if (left.count < left_count) {
      const std::size_t moved = left_count - left.count;
      left.keys.take(left.count, right.keys, 0, moved);
      left.rows.take(left.count, right.rows, 0, moved);
      right.keys.close(moved, right.count, moved);
      right.rows.close(moved, right.count, moved);
      right.count = static_cast<std::uint16_t>(right.count - moved);
    } else {
      const std::size_t moved = left.count - left_count;
      right.keys.open(0, right.count, moved);
      right.rows.open(0, right.count, moved);
      right.keys.take(0, left.keys, left_count, moved);
      right.rows.take(0, left.rows, left_count, moved);
      right.count = static_cast<std::uint16_t>(right.count + moved);
    }
    left.count = static_cast<std::uint16_t>(left_count);
  }

  /// The same for children, one at a time, turning through the key between.
  static void share(Inner& left, Inner& right, std::size_t left_count, Key& between) {
    while (left.count < left_count) {
      left.keys.insert(left.count - 1u, left.count - 1u, std::move(between));
      left.children[left.count++] = right.children[0];
      if (right.count > 1) {
        between = std::move(right.keys[0]);
        right.keys.erase(0, right.count - 1u);
      }
      std::move(right.children + 1, right.children + right.count, right.children);
      --right.count;
    }
    while (left.count > left_count) {
      right.keys.insert(0, right.count - 1u, std::move(between));
      between = std::move(left.keys[left.count - 2u]);
      left.keys.erase(left.count - 2u, left.count - 1u);
      std::move_backward(right.children, right.children + right.count, right.children + right.count + 1);
      right.children[0] = left.children[--left.count];
      ++right.count;
    }
  }

  Node* root_ = nullptr;
  std::size_t size_ = 0;
};

/// A place in one copy of a tree; valid until that copy changes. Moves both ways: `--end()` is the last entry.
template <class Key, class Row, class Less>
class Tree<Key, Row, Less>::Iterator {
 public:
  struct Entry {
    const Key& key;
    const Row& row;
  };
  using value_type = Entry;
  using reference = Entry;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;

  const Key& key() const { return leaf().keys[top().at]; }
  const Row& row() const { return leaf().rows[top().at]; }
  Entry operator*() const { return Entry{key(), row()}; }

  Iterator& operator++() {
    ++top().at;
    settle();
    return *this;
  }
  Iterator operator++(int) {
    Iterator before = *this;
    ++*this;
    return before;
  }

  Iterator& operator--() {
    std::size_t step = depth_ - 1;
    while (path_[step].at == 0) --step;
    --path_[step].at;
    depth_ = step + 1;
    while (top().node->level > 0) {
      const Node* child = inner(top().node).children[top().at];
      push(child, child->count - 1u);
    }
    return *this;
  }

  friend bool operator==(const Iterator& a, const Iterator& b) {
    if (a.depth_ == 0 || b.depth_ == 0) return a.depth_ == b.depth_;
    return a.top().node == b.top().node && a.top().at == b.top().at;
  }

 private:
  friend class Tree;
  struct Step {
    const Node* node;
    std::size_t at;
  };

  static Iterator at_edge(const Node* node, bool last) {
    Iterator result;
    if (node == nullptr) return result;
    for (; node->level > 0; node = inner(node).children[result.top().at]) result.push(node, last ? node->count - 1u : 0u);
    result.push(node, last ? node->count : 0u);
    return result;
  }

  void push(const Node* node, std::size_t at) { path_[depth_++] = Step{node, at}; }
  Step& top() { return path_[depth_ - 1]; }
  const Step& top() const { return path_[depth_ - 1]; }
  const Leaf& leaf() const { return leaf_of(top().node); }

  /// From behind the last entry of a leaf to the first of the next; stays where there is none.
  void settle() {
    if (top().at < top().node->count) return;
    std::size_t step = depth_ - 1;
    do {
      if (step == 0) return;
      --step;
    } while (path_[step].at + 1 >= path_[step].node->count);
    ++path_[step].at;
    depth_ = step + 1;
    while (top().node->level > 0) push(inner(top().node).children[top().at], 0);
  }

  Step path_[depth_max];
  std::size_t depth_ = 0;
};

}  // namespace drover::cow
