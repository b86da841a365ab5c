#pragma once

#include <string>
#include <vector>

#include "compress/config/node.h"
#include "compress/config/visitor.h"

namespace compress::config {

/// Fills options from a document. Every error is a UsageError of one line: where it was written, the key's path, what
/// is wrong, what is allowed.
class Reader : public Visitor {
 public:
  static void read(const Node& document, const Visit& options);

  void require(bool holds, const std::string& path, const std::string& message) override;
  void derive(const std::function<void()>& set_defaults) override { set_defaults(); }
  void key(const Key& key, const Visit& value) override;
  void block(const Visit& fields) override;
  void scalar(const Scalar& scalar) override;
  void optional(const OptionalView& optional) override;
  void variant(const VariantView& variant) override;
  void list(const ListView& list) override;
  void pairs(TextPairs& pairs) override;

 private:
  /// The value being read.
  struct Place {
    const Node* node;
    std::string path;
    std::string type;                  ///< of a variant's alternative: "type: sgd"
    std::vector<std::string> known;    ///< keys that this block may have
    std::vector<std::string> missing;  ///< required ones that it lacks
  };

  Reader() = default;
  Place& here() { return places_.back(); }
  void enter(const Node& node, std::string path, const Visit& visit);
  void check_keys();
  [[noreturn]] void fail_unknown(const Node& child);
  [[noreturn]] void fail_without_type(const VariantView& variant);
  void variant_by_type(const VariantView& variant);
  void variant_by_key(const VariantView& variant);

  template <typename... Parts>
  [[noreturn]] void fail_here(const Parts&... parts);

  std::vector<Place> places_;
};

}  // namespace compress::config
