# Everything of our own under libFuzzer's coverage, AddressSanitizer and UBSan. clang-14, Debian's default, does not take
# the coroutines and ranges of libstdc++ 12; clang-16 does.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  message(FATAL_ERROR "The fuzz targets need clang++-16: run deploy/fuzz.sh, or configure with --preset fuzz.")
endif()
target_compile_options(troupe_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
                       -fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/fuzz_ignore.txt
                       -fno-omit-frame-pointer)
target_link_options(troupe_flags INTERFACE -fsanitize=address,undefined)
# Boost 1.74 knows the coroutines of no clang.
target_compile_definitions(troupe_flags INTERFACE BOOST_ASIO_HAS_CO_AWAIT BOOST_ASIO_HAS_STD_COROUTINE)
# Of these clang knows more than g++ 12, with which the warnings of this tree are kept at none.
target_compile_options(troupe_flags INTERFACE -Wno-error)
