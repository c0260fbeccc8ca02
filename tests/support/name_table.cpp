#include "tests/support/name_table.hpp"

#include <condition_variable>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <netdb.h>
#include <optional>

namespace status2::support {

namespace {

struct entry {
  std::vector<std::string> addresses;
  bool hangs = false;
  int waiting = 0;
};

struct table {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, entry> names;
};

table& all() {
  static table one;
  return one;
}

/// The addresses of a name of the table, when they are known; nothing for a
/// name of the system.
std::optional<std::vector<std::string>> addresses_of(const char* name) {
  if (name == nullptr) return std::nullopt;
  std::unique_lock lock(all().mutex);
  const auto found = all().names.find(name);
  if (found == all().names.end()) return std::nullopt;
  auto& [key, value] = *found;
  ++value.waiting;
  all().changed.wait(lock, [&v = value] { return !v.hangs; });
  --value.waiting;
  auto addresses = value.addresses;
  all().changed.notify_all();
  return addresses;
}

using lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

int system_lookup(const char* name, const char* service, const addrinfo* hints,
                  addrinfo** result) {
  static const auto next =
      reinterpret_cast<lookup>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(name, service, hints, result);
}

/// Looks up each address by itself and links the results.
int listed_lookup(const std::vector<std::string>& addresses,
                  const char* service, const addrinfo* hints,
                  addrinfo** result) {
  *result = nullptr;
  auto** end = result;
  for (const auto& each : addresses) {
    if (system_lookup(each.c_str(), service, hints, end) != 0) continue;
    while (*end != nullptr)
      end = &(*end)->ai_next;
  }
  return *result == nullptr ? EAI_NONAME : 0;
}

}  // namespace

name_table::~name_table() {
  std::unique_lock lock(all().mutex);
  for (auto& [name, value] : all().names)
    value.hangs = false;
  all().changed.notify_all();
  all().changed.wait(lock, [] {
    for (const auto& [name, value] : all().names)
      if (value.waiting > 0) return false;
    return true;
  });
  all().names.clear();
}

void name_table::set(const std::string& name,
                     std::vector<std::string> addresses) {
  const std::lock_guard lock(all().mutex);
  auto& value = all().names[name];
  value.addresses = std::move(addresses);
  value.hangs = false;
  all().changed.notify_all();
}

void name_table::hang(const std::string& name) {
  const std::lock_guard lock(all().mutex);
  all().names[name].hangs = true;
}

bool name_table::hangs_now(const std::string& name) {
  const std::lock_guard lock(all().mutex);
  const auto found = all().names.find(name);
  return found != all().names.end() && found->second.waiting > 0;
}

}  // namespace status2::support

/// In place of the C library's.
extern "C" int getaddrinfo(const char* name, const char* service,
                           const addrinfo* hints, addrinfo** result) {
  using namespace status2::support;
  const auto listed = addresses_of(name);
  return listed ? listed_lookup(*listed, service, hints, result)
                : system_lookup(name, service, hints, result);
}
