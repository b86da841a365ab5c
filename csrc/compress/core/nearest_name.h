#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace compress {

/// The name the user may have meant: the one fewest edits (insert, delete, replace, swap of two neighbours) away from
/// `name`, upper and lower case alike, the first one of equals. Empty where none is near: more than a third of the
/// longer name would have to change, at least one and at most four edits being allowed.
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

/// Up to `count` near names, nearest first; equals keep the order of `names`.
std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& names, size_t count);

/// ", did you mean 'weight'?" for the end of a message, or nothing where no name is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

}  // namespace compress
