#pragma once

#include "compress/data/dataset.h"
#include "core/temp_folder.h"

namespace compress::test {

/// The data set whose files a test wrote into `folder`.
inline data::DatasetPair load(data::DatasetType type, const TempFolder& folder) {
  data::DataOptions options;
  options.type = type;
  options.path = folder.path().string();
  return data::load_dataset(options);
}

}  // namespace compress::test
