#pragma once

#include "compress/config/node.h"
#include "compress/config/visitor.h"

namespace compress::config {

/// Turns options into a document with every key they have.
class Writer : public Visitor {
 public:
  static Node write(const Visit& options);

  void key(const Key& key, const Visit& value) override;
  void block(const Visit& fields) override;
  void scalar(const Scalar& scalar) override;
  void optional(const OptionalView& optional) override;
  void variant(const VariantView& variant) override;
  void list(const ListView& list) override;
  void pairs(TextPairs& pairs) override;

 private:
  Writer() = default;

  Node node_;
};

}  // namespace compress::config
