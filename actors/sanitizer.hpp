/// Tells ThreadSanitizer of an ordering that it cannot see, because CAF's
/// shared library is not instrumented: what was done before a message was put
/// into a mailbox has happened when the message is taken out. Nothing without
/// ThreadSanitizer.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace status2::actors {

inline void mailbox_put([[maybe_unused]] void* element) {
#if defined(__SANITIZE_THREAD__)
  __tsan_release(element);
#endif
}

inline void mailbox_taken([[maybe_unused]] void* element) {
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(element);
#endif
}

}  // namespace status2::actors
