/// The descriptors 0 to 2 of the process.
#pragma once

namespace status2::service {

/// Opens /dev/null at each of the descriptors 0 to 2 that is closed. Otherwise
/// a socket could get one of these numbers, and a line for standard output
/// would go to a client. Thread: any, before anything is opened.
void open_standard_descriptors();

}  // namespace status2::service
