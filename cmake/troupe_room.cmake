# What every target of our own compiles with. Contraction is off because the numeric definition says where a
# fused multiply-add happens: the compiler must not add one (docs/decisions/0001).
add_library(troupe_flags INTERFACE)
target_compile_options(troupe_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror -ffp-contract=off)
# g++ 12 sees these two in the standard library's own strings and variants (GCC bugs 105329, 105562).
target_compile_options(troupe_flags INTERFACE
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
target_include_directories(troupe_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(TROUPE_SANITIZE STREQUAL "thread")
  target_compile_options(troupe_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(troupe_flags INTERFACE -fsanitize=thread)
  # ThreadSanitizer knows no fences, and g++ says so. Asio's add nothing to its mutexes that it would have to see.
  target_compile_definitions(troupe_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  # Debian's CAF would bring races that are none: CAF::core becomes the one of deploy/build_caf_tsan.sh, or nothing.
  set(caf_tsan ${PROJECT_SOURCE_DIR}/build/caf-tsan)
  find_path(CAF_INCLUDE_DIR caf/all.hpp PATHS ${caf_tsan}/include NO_DEFAULT_PATH REQUIRED)
  find_library(CAF_LIBRARY_CORE caf_core_static PATHS ${caf_tsan}/lib NO_DEFAULT_PATH REQUIRED)
elseif(TROUPE_SANITIZE) # "ON" too
  target_compile_options(troupe_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                                                -fno-omit-frame-pointer)
  target_link_options(troupe_flags INTERFACE -fsanitize=address,undefined)
endif()

# troupe_room(NAME LINKS lib... [HEADERS lib...]): a static library troupe_NAME of every .cpp in this folder and
# below. HEADERS are libraries without anything to link, which hosts of the installed package do not need.
# A file's suffix says which instructions it may use: _avx2, _avx512, _amx.
function(troupe_room name)
  cmake_parse_arguments(room "" "" "LINKS;HEADERS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  if(NOT sources)
    add_library(troupe_${name} INTERFACE)
    target_link_libraries(troupe_${name} INTERFACE troupe_flags ${room_LINKS})
    return()
  endif()
  add_library(troupe_${name} STATIC ${sources})
  # Our flags are for our own sources: a host compiles its own as it likes.
  target_link_libraries(troupe_${name} PUBLIC $<BUILD_INTERFACE:troupe_flags> ${room_LINKS})
  foreach(library ${room_HEADERS})
    target_link_libraries(troupe_${name} PUBLIC $<BUILD_INTERFACE:${library}>)
  endforeach()
  foreach(source ${sources})
    # ThreadSanitizer would take the minutes of a test for the arithmetic, which has no synchronisation of its own:
    # the thread pool that hands out its rows is instrumented.
    if(TROUPE_SANITIZE STREQUAL "thread" AND source MATCHES "/kernels_[a-z0-9]+\\.cpp$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=thread)
    endif()
    if(source MATCHES "_avx2\\.cpp$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS "-mavx2;-mfma;-mf16c")
    elseif(source MATCHES "_avx512\\.cpp$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS
        "-mavx2;-mfma;-mf16c;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512vnni")
    elseif(source MATCHES "_amx\\.cpp$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS
        "-mavx2;-mfma;-mf16c;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512vnni;-mamx-tile;-mamx-int8")
    endif()
  endforeach()
endfunction()
