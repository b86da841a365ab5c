#pragma once

namespace compress::prune {

/// unstructured  single weights
enum class Pattern { unstructured };

/// magnitude  the smallest |w| go (Han et al. 2015)
enum class Criterion { magnitude };

/// layer   every layer reaches the sparsity by itself
/// global  the layers together do; one threshold ranks all weights
enum class Scope { layer, global };

}  // namespace compress::prune
