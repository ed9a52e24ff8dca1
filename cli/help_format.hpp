#pragma once

#include <memory>

namespace CLI {
class FormatterBase;
}

namespace troupe {

/// CLI11's help with long descriptions wrapped, so that it reads well in 100 columns.
std::shared_ptr<CLI::FormatterBase> help_format();

} // namespace troupe
