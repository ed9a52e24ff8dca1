# cmake --install: the program, and the package that find_package(troupe) finds.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What a host may include, and all that it includes in turn: the rest stays inside.
set(public_headers
  config/load_settings.hpp
  observe/log.hpp
  runtime/embedded_runtime.hpp
  runtime/loaded_model.hpp
  runtime/runtime_config.hpp)
set(installed_headers)
while(public_headers)
  list(POP_FRONT public_headers header)
  if(header IN_LIST installed_headers OR header STREQUAL "base/version.hpp")
    continue()
  endif()
  list(APPEND installed_headers ${header})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  file(STRINGS ${header} lines REGEX "^#include \"")
  foreach(line ${lines})
    string(REGEX REPLACE "^#include \"(.*)\".*" "\\1" included "${line}")
    list(APPEND public_headers ${included})
  endforeach()
endwhile()

# Includes are by room ("runtime/embedded_runtime.hpp"): below a folder of their own they meet nobody else's.
foreach(header ${installed_headers})
  cmake_path(GET header PARENT_PATH room)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/troupe/${room})
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/generated/base/version.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/troupe/base)

add_library(troupe_host INTERFACE)
target_link_libraries(troupe_host INTERFACE troupe_runtime)
set_target_properties(troupe_host PROPERTIES EXPORT_NAME troupe)
set(exported troupe_host)
foreach(room base config observe kernels memory model actors supervision net runtime)
  set_target_properties(troupe_${room} PROPERTIES EXPORT_NAME ${room})
  target_compile_features(troupe_${room} PUBLIC cxx_std_20)
  target_include_directories(troupe_${room} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/troupe>)
  list(APPEND exported troupe_${room})
endforeach()
install(TARGETS ${exported} EXPORT troupeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS troupe RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET troupe_cuda)
  install(TARGETS troupe_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL) # as built
endif()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
install(EXPORT troupeTargets NAMESPACE troupe:: DESTINATION ${package_folder})
configure_package_config_file(cmake/troupeConfig.cmake.in ${PROJECT_BINARY_DIR}/package/troupeConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
# 0.x: a new minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/troupeConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/troupeConfig.cmake
              ${PROJECT_BINARY_DIR}/package/troupeConfigVersion.cmake
              cmake/troupe_caf.cmake
        DESTINATION ${package_folder})
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
