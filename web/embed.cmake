# The files that the broker serves, plain and compressed, as a source of the
# program: service/asset_files.hpp declares what is in it.

find_program(GZIP_PROGRAM gzip REQUIRED)
set(assets status2.js example/example.html example/example.js
    example/example.css)
set(rows "")
foreach(asset ${assets})
  set(file ${CMAKE_CURRENT_LIST_DIR}/${asset})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  get_filename_component(name ${asset} NAME)
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  if(name STREQUAL "status2.js")
    # On one file alone: a new client compiles nothing else again.
    set_source_files_properties(transport/route.cpp PROPERTIES
      COMPILE_DEFINITIONS "STATUS2_CLIENT_HASH=\"${hash}\"")
  endif()
  set(packed ${PROJECT_BINARY_DIR}/web/${name}.gz)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/web)
  execute_process(COMMAND ${GZIP_PROGRAM} -9nc ${file} OUTPUT_FILE ${packed}
                  RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "gzip ${file}: ${result}")
  endif()
  string(APPEND rows "    {\"${name}\", \"${hash}\"")
  foreach(form ${file} ${packed})
    file(SIZE ${form} size)
    file(READ ${form} bytes HEX)
    string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
    string(APPEND rows ",\n     {\"${bytes}\", ${size}}")
  endforeach()
  string(APPEND rows "},\n")
endforeach()
set(source ${PROJECT_BINARY_DIR}/web/asset_files.cpp)
# Written only if it differs.
file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
#include "service/asset_files.hpp"

namespace status2::service {

namespace {

constexpr asset_file files[] = {
@rows@};

}  // namespace

std::span<const asset_file> asset_files() {
  return files;
}

}  // namespace status2::service
]])
target_sources(status2_service PRIVATE ${source})
