#include "compress/core/safetensors.h"

#include <ATen/ops/empty.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string_view>
#include <vector>

#include "compress/core/error.h"

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

namespace compress {
namespace {

using Json = nlohmann::ordered_json;
using Path = std::filesystem::path;

constexpr uint64_t length_bytes = 8;
constexpr uint64_t max_header_bytes = 100'000'000;  // the reference implementation's limit
constexpr std::string_view metadata_key = "__metadata__";

struct DtypeName {
  at::ScalarType dtype;
  std::string_view name;
};

constexpr std::array<DtypeName, 10> dtype_names{{{at::kBool, "BOOL"},
                                                 {at::kByte, "U8"},
                                                 {at::kChar, "I8"},
                                                 {at::kShort, "I16"},
                                                 {at::kInt, "I32"},
                                                 {at::kLong, "I64"},
                                                 {at::kHalf, "F16"},
                                                 {at::kBFloat16, "BF16"},
                                                 {at::kFloat, "F32"},
                                                 {at::kDouble, "F64"}}};

std::string supported_dtypes() {
  std::string result;
  for (const DtypeName& entry : dtype_names) {
    result.append(result.empty() ? "" : ", ").append(entry.name);
  }
  return result;
}

/// An open file; every failure names the path and the system's reason.
class File {
 public:
  File(Path path, int flags) : path_(std::move(path)), fd_(::open(path_.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) {
      fail_with_reason("opened");
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  uint64_t size() const {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) {
      fail_with_reason("read");
    }
    check(S_ISREG(info.st_mode), path_.string(), ": is not a regular file");
    return static_cast<uint64_t>(info.st_size);
  }

  void read(void* data, uint64_t bytes, uint64_t offset) const {
    char* next = static_cast<char*>(data);
    while (bytes > 0) {
      const ssize_t count = ::pread(fd_, next, bytes, static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        fail_with_reason("read");
      }
      check(count > 0, path_.string(), ": became shorter while it was read");
      next += count;
      offset += count;
      bytes -= count;
    }
  }

  void write(const void* data, uint64_t bytes) const {
    const char* next = static_cast<const char*>(data);
    while (bytes > 0) {
      const ssize_t count = ::write(fd_, next, bytes);
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        fail_with_reason("written");
      }
      next += count;
      bytes -= count;
    }
  }

  void sync() const {
    if (::fsync(fd_) != 0) {
      fail_with_reason("synced");
    }
  }

  // Network file systems report some write errors only here.
  void close() {
    if (::close(std::exchange(fd_, -1)) != 0) {
      fail_with_reason("closed");
    }
  }

 private:
  [[noreturn]] void fail_with_reason(const char* what) const {
    const int reason = errno;
    fail(path_.string(), ": cannot be ", what, ": ", std::strerror(reason));
  }

  Path path_;
  int fd_;
};

/// Removes the file unless it was renamed.
struct Aside {
  Path path;
  ~Aside() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

void check_savable(const Path& path, const NamedTensors& tensors) {
  std::set<std::string_view> names;
  for (const auto& [name, tensor] : tensors) {
    check(name != metadata_key, path.string(), ": a tensor cannot be named '", name, "'");
    check(names.insert(name).second, path.string(), ": two tensors are named '", name, "'");
    check(tensor.defined() && !tensor.is_meta() && tensor.layout() == at::kStrided, path.string(), ": tensor '", name,
          "' has no dense data");
    const bool known =
        std::any_of(dtype_names.begin(), dtype_names.end(),
                    [dtype = tensor.scalar_type()](const DtypeName& entry) { return entry.dtype == dtype; });
    check(known, path.string(), ": tensor '", name, "' has dtype ", tensor.scalar_type(), ", which is not one of ",
          supported_dtypes());
  }
}

/// Widest elements first, so that each tensor is aligned to its element in a file that is mapped into memory.
std::vector<size_t> data_order(const NamedTensors& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return tensors[a].second.element_size() > tensors[b].second.element_size();
  });
  return order;
}

std::string make_header(const Path& path, const NamedTensors& tensors, const std::vector<size_t>& order,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<uint64_t> begin(tensors.size());
  uint64_t offset = 0;
  for (const size_t index : order) {
    begin[index] = offset;
    offset += tensors[index].second.nbytes();
  }
  Json header = Json::object();
  // Pushed at the back: operator[] of an ordered object searches it, which is quadratic over thousands of tensors.
  auto& entries = header.get_ref<Json::object_t&>();
  if (!metadata.empty()) {
    entries.emplace_back(std::string(metadata_key), metadata);
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    const auto* entry =
        std::find_if(dtype_names.begin(), dtype_names.end(),
                     [dtype = tensor.scalar_type()](const DtypeName& known) { return known.dtype == dtype; });
    entries.emplace_back(name, Json{{"dtype", std::string(entry->name)},
                                    {"shape", tensor.sizes().vec()},
                                    {"data_offsets", {begin[i], begin[i] + tensor.nbytes()}}});
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    fail(path.string(), ": a tensor name or a metadata text is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  check(text.size() <= max_header_bytes, path.string(), ": the names take ", text.size(), " bytes, at most ",
        max_header_bytes, " are allowed");
  return text;
}

/// Keeps the directory entry across a power cut, not only the file.
void sync_folder(const Path& path) {
  const Path folder = path.parent_path();
  File(folder.empty() ? Path(".") : folder, O_RDONLY | O_DIRECTORY).sync();
}

Json parse_header(const Path& path, const std::string& text) {
  // JSON leaves duplicate keys open and the parser keeps one silently: they are caught as they pass.
  std::vector<std::set<std::string>> keys;
  const auto on_event = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      check(keys.back().insert(key).second, path.string(), ": the header names '", key, "' twice");
    }
    return true;
  };
  Json header;
  try {
    header = Json::parse(text, on_event);
  } catch (const Json::exception&) {
    fail(path.string(), ": the header is not JSON; this is not a safetensors file, or it is damaged");
  }
  check(header.is_object(), path.string(), ": the header is not a JSON object");
  return header;
}

struct Entry {
  std::string name;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  uint64_t begin;
  uint64_t end;
};

bool is_size_list(const Json& json) {
  return json.is_array() && std::all_of(json.begin(), json.end(), [](const Json& size) {
           return size.is_number_unsigned() && size.get<uint64_t>() <= uint64_t{INT64_MAX};
         });
}

Entry parse_entry(const Path& path, const std::string& name, const Json& json) {
  const auto where = [&] { return concat(path.string(), ": tensor '", name, "': "); };
  check(json.is_object() && json.contains("dtype") && json.contains("shape") && json.contains("data_offsets"), where(),
        "its entry needs dtype, shape and data_offsets");
  const Json& dtype = json["dtype"];
  check(dtype.is_string(), where(), "dtype is not a string");
  const auto* known = std::find_if(dtype_names.begin(), dtype_names.end(), [&](const DtypeName& entry) {
    return entry.name == dtype.get_ref<const std::string&>();
  });
  check(known != dtype_names.end(), where(), "dtype ", dtype.dump(), " is not one of ", supported_dtypes());
  check(is_size_list(json["shape"]), where(), "shape is not a list of sizes");
  const Json& offsets = json["data_offsets"];
  check(is_size_list(offsets) && offsets.size() == 2, where(), "data_offsets is not [begin, end]");

  Entry entry{name, known->dtype, json["shape"].get<std::vector<int64_t>>(), offsets[0], offsets[1]};
  // A size of 0 counts as 1 against overflow: torch multiplies strides the same way.
  int64_t bytes = static_cast<int64_t>(c10::elementSize(entry.dtype));
  bool empty = false;
  for (const int64_t size : entry.shape) {
    empty |= size == 0;
    check(!__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes), where(), "shape is too large");
  }
  const uint64_t expected = empty ? 0 : static_cast<uint64_t>(bytes);
  check(entry.begin <= entry.end && entry.end - entry.begin == expected, where(), "data_offsets ", offsets.dump(),
        " do not hold the ", expected, " bytes of its shape and dtype");
  return entry;
}

/// The format allows no holes and no overlaps: the tensors, sorted, cover the data exactly.
void check_coverage(const Path& path, const std::vector<Entry>& entries, uint64_t data_bytes) {
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries) {
    sorted.push_back(&entry);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry* a, const Entry* b) { return std::tie(a->begin, a->end) < std::tie(b->begin, b->end); });
  uint64_t covered = 0;
  for (const Entry* entry : sorted) {
    check(entry->end <= data_bytes, path.string(), ": tensor '", entry->name, "' ends at byte ", entry->end,
          " of the data, but the file holds ", data_bytes, "; it was cut off or is still being copied");
    check(entry->begin >= covered, path.string(), ": tensor '", entry->name, "' overlaps the one before it");
    check(entry->begin == covered, path.string(), ": bytes before tensor '", entry->name, "' belong to no tensor");
    covered = entry->end;
  }
  check(covered == data_bytes, path.string(), ": ", data_bytes - covered, " bytes after the last tensor");
}

std::map<std::string, std::string> parse_metadata(const Path& path, const Json& json) {
  std::map<std::string, std::string> result;
  check(json.is_object(), path.string(), ": ", metadata_key, " is not an object of strings");
  for (const auto& [key, value] : json.items()) {
    check(value.is_string(), path.string(), ": ", metadata_key, " '", key, "' is not a string");
    result.emplace(key, value.get<std::string>());
  }
  return result;
}

}  // namespace

void save_safetensors(const Path& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata) {
  check_savable(path, tensors);
  const std::vector<size_t> order = data_order(tensors);
  const std::string header = make_header(path, tensors, order, metadata);
  const uint64_t header_bytes = header.size();

  Path aside_path = path;
  aside_path += ".tmp" + std::to_string(::getpid());
  const Aside aside{aside_path};
  File file(aside.path, O_WRONLY | O_CREAT | O_TRUNC);
  file.write(&header_bytes, length_bytes);
  file.write(header.data(), header.size());
  for (const size_t index : order) {
    // One tensor at a time: a model on a GPU never takes more host memory than its largest tensor.
    const at::Tensor dense = tensors[index].second.detach().to(at::kCPU).resolve_neg().contiguous();
    file.write(dense.const_data_ptr(), dense.nbytes());
  }
  file.sync();
  file.close();
  std::error_code error;
  std::filesystem::rename(aside.path, path, error);
  check(!error, path.string(), ": cannot be replaced: ", error.message());
  sync_folder(path);
}

SafetensorsFile load_safetensors(const Path& path) {
  const File file(path, O_RDONLY);
  const uint64_t file_bytes = file.size();
  check(file_bytes >= length_bytes, path.string(), ": ", file_bytes, " bytes are too few for a safetensors file");
  uint64_t header_bytes = 0;
  file.read(&header_bytes, length_bytes, 0);
  check(header_bytes <= max_header_bytes && header_bytes <= file_bytes - length_bytes, path.string(), ": a header of ",
        header_bytes, " bytes does not fit in the file's ", file_bytes,
        "; this is not a safetensors file, or it was cut off");
  std::string text(header_bytes, '\0');
  file.read(text.data(), header_bytes, length_bytes);

  SafetensorsFile result;
  std::vector<Entry> entries;
  const Json header = parse_header(path, text);
  for (const auto& [name, json] : header.items()) {
    if (name == metadata_key) {
      result.metadata = parse_metadata(path, json);
    } else {
      entries.push_back(parse_entry(path, name, json));
    }
  }
  const uint64_t data_begin = length_bytes + header_bytes;
  check_coverage(path, entries, file_bytes - data_begin);
  for (const Entry& entry : entries) {
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.dtype));
    file.read(tensor.mutable_data_ptr(), entry.end - entry.begin, data_begin + entry.begin);
    result.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return result;
}

}  // namespace compress
