#pragma once

#include "compress/core/names.h"

namespace compress::prune {

/// unstructured  single weights
enum class Pattern { unstructured };

/// magnitude  the smallest |w| go (Han et al. 2015)
enum class Criterion { magnitude };

/// layer   every layer reaches the sparsity by itself
/// global  the layers together do; one threshold ranks all weights
enum class Scope { layer, global };

}  // namespace compress::prune

namespace compress {

template <>
inline constexpr auto enum_names<prune::Pattern> = std::to_array<EnumName<prune::Pattern>>({
    {prune::Pattern::unstructured, "unstructured", "single weights"},
});

template <>
inline constexpr auto enum_names<prune::Criterion> = std::to_array<EnumName<prune::Criterion>>({
    {prune::Criterion::magnitude, "magnitude", "the smallest absolute values go"},
});

template <>
inline constexpr auto enum_names<prune::Scope> = std::to_array<EnumName<prune::Scope>>({
    {prune::Scope::layer, "layer", "every layer reaches the sparsity by itself"},
    {prune::Scope::global, "global", "the layers together do; one threshold ranks all weights"},
});

}  // namespace compress
