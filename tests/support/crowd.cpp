#include "tests/support/crowd.hpp"

#include "tests/bench/event_loop.hpp"
#include "tests/bench/frame_reader.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/viewer.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <ctime>
#include <poll.h>
#include <set>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace status2::support {

namespace {

using wall_clock = std::chrono::system_clock;

/// `2023-11-14T22:13:20.007Z`.
wall_clock::time_point parse_time(const std::string& text) {
  std::tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  int ms = 0;
  if (rest != nullptr && *rest == '.') std::from_chars(rest + 1, rest + 4, ms);
  return wall_clock::from_time_t(::timegm(&parts)) +
         std::chrono::milliseconds{ms};
}

/// Connected, non-blocking, or -1.
int connect_to(const std::string& host, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) !=
      0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

}  // namespace

/// One connection of a viewer, from its request to its end.
struct crowd::viewing {
  struct window {
    wall_clock::time_point since;
    wall_clock::time_point until;
    std::size_t place;  ///< messages received before it
  };
  std::string channel;
  bool slow = false;
  std::size_t seat = 0;  ///< of the viewer
  int fd = -1;
  bool upgraded = false;
  std::string head;
  bench::frame_reader frames;
  bool live = false;
  wall_clock::time_point live_at;
  wall_clock::time_point ended_at = wall_clock::time_point::max();
  unsigned close_code = 0;
  std::vector<std::uint64_t> numbers;  ///< as they came
  std::vector<wall_clock::time_point> arrivals;
  std::vector<window> gaps;
};

class crowd::loop {
 public:
  explicit loop(crowd& owner) : owner_(owner) {}

  void run() {
    for (std::size_t i = 0; i < owner_.options_.viewers; ++i)
      waiting_.emplace(wall_clock::now(),
                       viewer{channel_of(i), i < owner_.options_.slow, i});
    while (!owner_.stop_) {
      if (owner_.drop_all_.exchange(false)) drop_all();
      open_due();
      poll();
    }
    for (auto& [fd, one] : open_)
      ::close(fd);
  }

 private:
  struct viewer {
    std::string channel;
    bool slow = false;
    std::size_t seat = 0;
  };

  const std::string& channel_of(std::size_t seat) const {
    const auto& all = owner_.options_.channels;
    return all[(owner_.options_.pairs ? seat / 2 : seat) % all.size()];
  }

  void open_due() {
    // A few at a time, so that what is open is read meanwhile.
    for (int i = 0; i < 32 && !waiting_.empty() &&
                    waiting_.begin()->first <= wall_clock::now();
         ++i) {
      auto next = waiting_.begin()->second;
      waiting_.erase(waiting_.begin());
      open(std::move(next));
    }
  }

  void open(viewer who) {
    const int fd = connect_to(owner_.options_.host, owner_.options_.port);
    if (fd < 0) return come_back(std::move(who));
    auto made = std::make_unique<viewing>();
    made->fd = fd;
    made->channel = std::move(who.channel);
    made->slow = who.slow;
    made->seat = who.seat;
    const std::string text = "GET /" + made->channel +
                             "?gap=1 HTTP/1.1\r\nHost: localhost\r\n" +
                             std::string(upgrade_headers) + "\r\n";
    ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    open_[fd] = made.get();
    owner_.viewings_.push_back(std::move(made));
  }

  void come_back(viewer who) {
    waiting_.emplace(wall_clock::now() + owner_.options_.comes_back_after,
                     std::move(who));
  }

  void poll() {
    constexpr int pause_ms = 10;
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_, events.data(),
                                   static_cast<int>(events.size()), pause_ms);
    if (count <= 0) return;
    const std::lock_guard lock(owner_.lateness_mutex_);
    for (int i = 0; i < count; ++i)
      if (auto found = open_.find(events[static_cast<std::size_t>(i)].data.fd);
          found != open_.end())
        read(*found->second);
  }

  void read(viewing& one) {
    std::array<char, 65536> buffer;
    const auto size =
        ::recv(one.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return end(one);
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    if (!one.upgraded) {
      one.head += bytes;
      const auto blank = one.head.find("\r\n\r\n");
      if (blank == std::string::npos) return;
      if (!one.head.starts_with("HTTP/1.1 101")) {
        ++owner_.refused_;
        return end(one);
      }
      one.upgraded = true;
      ++owner_.opened_;
      const auto init = bench::client_text_frame(R"({"type":"init"})");
      ::send(one.fd, init.data(), init.size(), MSG_NOSIGNAL);
      const auto rest = one.head.substr(blank + 4);
      one.head = {};
      feed(one, rest);
      return;
    }
    feed(one, bytes);
  }

  void feed(viewing& one, std::string_view bytes) {
    one.frames.feed(bytes, [&](const bench::frame_view& frame) {
      if (frame.kind == bench::opcode::text)
        on_text(one, frame.payload);
      else if (frame.kind == bench::opcode::close && frame.payload.size() >= 2)
        one.close_code = static_cast<unsigned char>(frame.payload[0]) << 8 |
                         static_cast<unsigned char>(frame.payload[1]);
    });
    if (one.close_code != 0) end(one);
  }

  void on_text(viewing& one, std::string_view text) {
    constexpr std::string_view status = R"({"type":"status","data":")";
    if (text.starts_with(status)) {
      std::uint64_t number = 0;
      const auto read = std::from_chars(text.data() + status.size(),
                                        text.data() + text.size(), number);
      // Somebody else publishes here as well.
      if (read.ec != std::errc{}) return;
      one.numbers.push_back(number);
      one.arrivals.push_back(wall_clock::now());
      ++owner_.received_;
      const auto space = text.find(' ', status.size());
      if (space != std::string_view::npos) note_stamp(text.substr(space + 1));
    } else if (text == ping_text) {
      if (!std::exchange(one.live, true)) {
        one.live_at = wall_clock::now();
        ++owner_.live_;
        if (one.slow) stop_reading(one.fd);
      }
      const auto pong = bench::client_text_frame(R"({"type":"pong"})");
      ::send(one.fd, pong.data(), pong.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    } else if (text.starts_with(R"({"type":"gap")")) {
      const auto gap = boost::json::parse(text).as_object();
      one.gaps.push_back({parse_time(std::string(gap.at("since").as_string())),
                          parse_time(std::string(gap.at("until").as_string())),
                          one.numbers.size()});
    }
  }

  void end(viewing& one) {
    one.ended_at = wall_clock::now();
    if (one.live) --owner_.live_;
    open_.erase(one.fd);
    ::close(std::exchange(one.fd, -1));
    come_back({one.channel, one.slow, one.seat});
  }

  /// The end of the connection still wakes.
  void stop_reading(int fd) {
    epoll_event event{};
    event.events = EPOLLRDHUP;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
  }

  void note_stamp(std::string_view text) {
    std::uint64_t then = 0;
    std::from_chars(text.data(), text.data() + text.size(), then);
    const auto now = static_cast<std::uint64_t>(
        std::chrono::steady_clock::now().time_since_epoch().count());
    const auto late = now > then ? now - then : 0;
    owner_.recent_.add(late);
    owner_.whole_.add(late);
  }

  void drop_all() {
    for (auto& [fd, one] : std::map(open_))
      end(*one);
  }

  crowd& owner_;
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::map<int, viewing*> open_;
  std::multimap<wall_clock::time_point, viewer> waiting_;
};

crowd::crowd(crowd_options options) : options_(std::move(options)) {
  thread_ = std::thread([this] { loop(*this).run(); });
}

crowd::~crowd() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

namespace {

crowd_lateness summary(const bench::histogram& values) {
  const auto at = [&](double share) {
    return std::chrono::nanoseconds{
        static_cast<std::int64_t>(values.quantile(share))};
  };
  return {values.count(), at(0.5), at(0.95), at(0.99), at(1)};
}

}  // namespace

crowd_lateness crowd::lateness() {
  const std::lock_guard lock(lateness_mutex_);
  return summary(std::exchange(recent_, {}));
}

crowd_lateness crowd::whole_lateness() {
  const std::lock_guard lock(lateness_mutex_);
  return summary(whole_);
}

bool crowd::settles() {
  constexpr int quiet_ms = 300;
  return eventually(patience, [this] {
    const auto before = received_.load();
    ::poll(nullptr, 0, quiet_ms);
    return received_ == before;
  });
}

std::vector<crowd::client> crowd::clients() const {
  std::map<std::size_t, client> pairs;
  std::vector<client> result;
  for (const auto& one : viewings_) {
    if (!one->live || one->slow) continue;
    if (options_.pairs)
      pairs[one->seat / 2].push_back(one.get());
    else
      result.push_back({one.get()});
  }
  for (auto& [seat, pair] : pairs)
    result.push_back(std::move(pair));
  return result;
}

void crowd::judge_client(const client& one,
                         const std::vector<publication>& published,
                         const pauses& stopped, crowd_report& report) {
  std::set<std::uint64_t> seen;
  for (const auto* each : one)
    seen.insert(each->numbers.begin(), each->numbers.end());
  const auto live_during = [&](const viewing* each, const publication& when) {
    // What was under way when the connection ended is not the broker's loss.
    const bool ended = each->ended_at != wall_clock::time_point::max();
    const auto until =
        ended ? stopped.before(each->ended_at, std::chrono::seconds{1})
              : each->ended_at;
    return when.before > each->live_at && when.after < until;
  };
  const auto told = [](const viewing* each, const publication& when) {
    return std::any_of(
        each->gaps.begin(), each->gaps.end(), [&](const auto& gap) {
          return gap.since <= when.after && when.before <= gap.until;
        });
  };
  for (std::uint64_t number = 0; number < published.size(); ++number) {
    const auto& when = published[number];
    if (seen.contains(number) || when.before <= one.front()->live_at) continue;
    const auto any = [&](const auto& test) {
      return std::any_of(one.begin(), one.end(),
                         [&](const viewing* each) { return test(each, when); });
    };
    if (!any(live_during))
      ++report.uncovered;
    else
      ++(any(told) ? report.lost_told : report.lost_untold);
  }
}

void crowd::judge_times(const viewing& one,
                        const std::vector<publication>& published,
                        const pauses& stopped, crowd_report& report) {
  const auto known = [&](std::size_t place) {
    return place < one.numbers.size() && published[one.numbers[place]].before !=
                                             wall_clock::time_point::min();
  };
  const auto raise = [](std::chrono::nanoseconds& most,
                        std::chrono::nanoseconds value) {
    most = std::max(most, value);
  };
  for (std::size_t i = 0; i < one.numbers.size(); ++i)
    if (known(i))
      raise(report.longest_lateness,
            stopped.running(published[one.numbers[i]].before, one.arrivals[i]));
  for (const auto& gap : one.gaps) {
    std::chrono::nanoseconds over{0};
    if (gap.place > 0 && known(gap.place - 1))
      over += stopped.running(gap.since,
                              published[one.numbers[gap.place - 1]].before);
    if (known(gap.place))
      over +=
          stopped.running(published[one.numbers[gap.place]].after, gap.until);
    raise(report.longest_overstated, over);
  }
}

crowd_report crowd::judge(const publications& published,
                          const pauses& stopped) {
  stop_ = true;
  thread_.join();
  crowd_report report;
  report.refused = refused_;
  for (const auto& one : viewings_) {
    if (!one->upgraded) continue;
    const bool ended = one->ended_at != wall_clock::time_point::max();
    if (ended)
      ++(one->slow ? report.slow_closes : report.closes)[one->close_code];
    report.received += one->numbers.size();
    report.gaps += one->gaps.size();
    std::set<std::uint64_t> seen;
    std::uint64_t highest = 0;
    for (const auto number : one->numbers) {
      if (!seen.insert(number).second)
        ++report.duplicated;
      else if (number < highest)
        ++report.reordered;
      highest = std::max(highest, number);
    }
  }
  for (const auto& one : clients()) {
    const auto channel = published.find(one.front()->channel);
    if (channel == published.end()) continue;
    judge_client(one, channel->second, stopped, report);
    for (const auto* each : one)
      judge_times(*each, channel->second, stopped, report);
  }
  if (!options_.pairs) report.uncovered = 0;  // it was away, on purpose
  return report;
}

}  // namespace status2::support
