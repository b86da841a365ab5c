#include <torch/extension.h>

#include <memory>

#include "bindings/module.h"
#include "compress/core/error.h"
#include "compress/data/dataset.h"
#include "compress/data/loader.h"

namespace compress::bindings {
namespace {

using Release = py::call_guard<py::gil_scoped_release>;

std::pair<data::Dataset, data::Dataset> load(const std::string& type, const std::filesystem::path& path) {
  data::DataOptions options;
  options.type = enum_from_name<data::DatasetType>("data.load: type", type);
  options.path = path.string();
  data::DatasetPair pair = data::load_dataset(options);
  return {std::move(pair.train), std::move(pair.test)};
}

/// data::Loader, whose thread is joined without the GIL.
class PythonLoader {
 public:
  PythonLoader(const data::Dataset& dataset, const data::LoaderOptions& options)
      : loader_(std::make_unique<data::Loader>(dataset, options)) {}
  ~PythonLoader() {
    const py::gil_scoped_release release;
    loader_.reset();
  }
  PythonLoader(const PythonLoader&) = delete;
  PythonLoader& operator=(const PythonLoader&) = delete;

  std::pair<at::Tensor, at::Tensor> next() {
    data::Batch batch = loader_->next();
    return {std::move(batch.input), std::move(batch.target)};
  }
  void seek(int64_t epoch, int64_t batch) { loader_->seek(epoch, batch); }
  int64_t batches_per_epoch() const { return loader_->batches_per_epoch(); }

 private:
  std::unique_ptr<data::Loader> loader_;
};

std::unique_ptr<PythonLoader> make_loader(const data::Dataset& dataset, int64_t batch_size, uint64_t seed,
                                          int64_t shift, bool flip, int64_t rank, int64_t world_size, bool pin_memory) {
  data::LoaderOptions options;
  options.batch_size = batch_size;
  options.augment = {shift, flip};
  options.seed = seed;
  options.rank = rank;
  options.world_size = world_size;
  options.pin_memory = pin_memory;
  return std::make_unique<PythonLoader>(dataset, options);
}

}  // namespace

void def_data(py::module_& module) {
  py::class_<data::Dataset>(module, "Dataset", "Labelled images in memory; made by data.load.")
      .def_readonly("images", &data::Dataset::images, "uint8 [N, C, H, W], as stored.")
      .def_readonly("targets", &data::Dataset::targets, "int64 [N].")
      .def_readonly("classes", &data::Dataset::classes)
      .def(
          "normalized", [](const data::Dataset& self) { return data::normalize(self.images, self.normalization); },
          Release(), "float32 [N, C, H, W], what a network sees.")
      .def("__len__", &data::Dataset::size);
  module.def("load_dataset", &load, py::arg("type"), py::arg("path"), Release());
  py::class_<PythonLoader>(module, "Loader", "Batches of a Dataset; see compress_ext.data.Loader.")
      .def(py::init(&make_loader), py::arg("dataset"), py::arg("batch_size"), py::arg("seed"), py::arg("shift"),
           py::arg("flip"), py::arg("rank"), py::arg("world_size"), py::arg("pin_memory"), Release())
      .def("next", &PythonLoader::next, Release())
      .def("seek", &PythonLoader::seek, py::arg("epoch"), py::arg("batch"), Release())
      .def_property_readonly("batches_per_epoch", &PythonLoader::batches_per_epoch);
}

}  // namespace compress::bindings
