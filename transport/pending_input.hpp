/// What came on a connection and was not taken yet. Bytes are copied only if
/// they have to outlive the turn of the loop in which they came.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace status2::transport {

/// Thread: one.
class pending_input {
 public:
  pending_input() = default;
  pending_input(const pending_input&) = delete;
  pending_input& operator=(const pending_input&) = delete;

  /// Until the next call that is not take().
  std::string_view view() const { return view_; }
  bool empty() const { return view_.empty(); }
  /// Appends `bytes`, which must stay until keep().
  void add(std::string_view bytes) {
    if (view_.empty()) {
      view_ = bytes;
      owned_ = false;
    } else {
      keep();
      view_ = own_.append(bytes);
    }
  }
  /// Drops the first `count`.
  void take(std::size_t count) { view_.remove_prefix(count); }
  void clear() { view_ = {}; }
  /// Heap memory that outlives the turn. After keep().
  std::size_t kept_bytes() const { return view_.empty() ? 0 : own_.capacity(); }
  /// Copies what is left of bytes that are about to go.
  void keep() {
    if (view_.empty())
      own_.clear();
    else if (owned_)
      own_.erase(0, own_.size() - view_.size());
    else
      own_.assign(view_);
    view_ = own_;
    owned_ = true;
  }

 private:
  std::string own_;
  std::string_view view_;
  bool owned_ = false;  ///< `view_` is the end of `own_`
};

}  // namespace status2::transport
