// One declared variant → one Variant of a matrix. Reuses its scratch memory between variants; belongs to one thread.
#pragma once

#include "resolve_impl.hpp"
#include "spec_data_impl.hpp"

namespace shipset::detail {

class VariantMaker {
 public:
  VariantMaker(const SpecData& spec, const ReleaseValues& values, Faults& faults, ProblemList& problems)
      : spec_(spec), values_(values), faults_(faults), problems_(problems) {}
  Variant make(const DeclaredVariant& declared);

 private:
  void make_condition(Variant& out);
  void make_suffix(const DeclaredVariant& declared, Variant& out);
  void make_head(RunScope& scope, Faults& faults, Variant& out);
  void make_platforms(RunScope& scope, Faults& faults, const DeclaredVariant& declared, Variant& out);
  bool make_image(RunScope& scope, Faults& faults, const std::vector<const Level*>& overrides, PlatformImage& image);
  void make_tags(RunScope& scope, Faults& faults, const DeclaredVariant& declared, Variant& out);
  void collect(Variant& out) const;
  void check_backend(const DeclaredVariant& declared, const Variant& variant) const;

  const SpecData& spec_;
  const ReleaseValues& values_;
  Faults& faults_;
  ProblemList& problems_;
  Chain chain_, platform_chain_;
};

}  // namespace shipset::detail
