#pragma once

#include "model/tensor_view.hpp"

#include <vector>

namespace troupe::reference {

/// A tensor in float64, in the order of the file. Straight from the block formats, without the kernels' code.
std::vector<double> dequantize(const tensor_view& tensor);

} // namespace troupe::reference
