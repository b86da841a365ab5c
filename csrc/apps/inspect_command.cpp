#include <filesystem>

#include "compress/core/safetensors.h"
#include "compress/export/inspect.h"
#include "compress/models/weights.h"
#include "compress/train/run_folder.h"
#include "parse.h"

namespace compress::apps {

int inspect_command(const Arguments& arguments) {
  cxxopts::Options options("compress-ext inspect", "Layers of a model: shape, sparsity, bits, bytes.");
  options.positional_help("RUN_OR_MODEL")
      .add_options()                                                                                 //
      ("path", "run folder, checkpoint folder or .safetensors file", cxxopts::value<std::string>())  //
      ("h,help", "this text");
  options.parse_positional({"path"});
  const auto parsed =
      parse(options, arguments, "Of a run folder the final model is shown, before that the newest checkpoint.\n");
  if (!parsed) {
    return 0;
  }
  check<UsageError>(parsed->count("path") == 1,
                    "inspect needs one run folder or file; see compress-ext inspect --help");
  const std::filesystem::path path = (*parsed)["path"].as<std::string>();
  const train::RunFolder folder(path);
  const std::filesystem::path file = folder.finished() ? folder.model() : models::find_weights(path);
  std::cout << file.string() << ", " << std::filesystem::file_size(file) << " bytes\n"
            << summary_table(summarize(load_safetensors(file), file.string()));
  return 0;
}

}  // namespace compress::apps
