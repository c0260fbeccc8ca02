/// The cases of the Autobahn fuzzing client's groups 12 and 13: compressed
/// messages of many sizes and fragmentations, after every kind of offer. The
/// data are made up here: texts and bytes like those of Autobahn's files.
/// Source: github.com/crossbario/autobahn-testsuite for sizes, fragments and
/// offers; RFC 7692 for the answers.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace status2::support {

struct deflate_case {
  std::string number;  ///< as Autobahn reports it: `12.1.3`
  std::string offer;   ///< Sec-WebSocket-Extensions of the request
  /// Of the answer; empty: the broker declines the offer, and Autobahn reports
  /// the case as unimplemented.
  std::string answer;
  bool binary = false;
  std::vector<std::string> messages{};
  /// Most bytes of payload in a frame, after compression; 0: one frame.
  std::size_t fragment = 0;

  /// Frames of all messages, compressed if the offer is accepted.
  std::string bytes() const;
};

/// All 216 of them, in Autobahn's order, with at most `most` messages each
/// (Autobahn sends 1,000) and about `bytes` bytes at most, at least one
/// message.
std::vector<deflate_case> deflate_cases(std::size_t most, std::size_t bytes);

}  // namespace status2::support
