#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace compress::train {

/// The folder of one run and where things lie in it (see docs/structure.md, "Run folder").
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return path_ / "log.txt"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  std::filesystem::path model() const { return path_ / "model.safetensors"; }

  /// Whether a run has begun here.
  bool holds_run() const;
  /// Whether a run has ended here: its final model is written last.
  bool finished() const { return std::filesystem::exists(model()); }
  /// The newest whole checkpoint, from `checkpoints/latest`.
  std::optional<std::filesystem::path> latest_checkpoint() const;

  /// Makes the folder. Raises UsageError where it holds a run, naming --resume and other ways out.
  void create_new() const;

 private:
  std::filesystem::path path_;
};

/// Makes what was written to a file, or to a folder's list of names, outlast a power cut.
void sync(const std::filesystem::path& path);

/// Writes a small text file so that a crash leaves the old one or the new one.
void write_text_atomically(const std::filesystem::path& path, const std::string& text);

}  // namespace compress::train
