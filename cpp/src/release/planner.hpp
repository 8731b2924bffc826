// Makes a plan step by step. Private to the module: make_plan is the door. One planner, one call, one thread
// (looking at registries fans out on its own).
#pragma once

#include <map>
#include <set>

#include "assemble.hpp"
#include "keys.hpp"
#include "shipset/base/json.hpp"
#include "shipset/release/plan.hpp"
#include "shipset/tags/reader.hpp"
#include "stores.hpp"

namespace shipset::release {

class Planner {
 public:
  Planner(const Matrix& matrix, const Options& options, const Pins& pins, const EventSink& events,
          const CancelToken& cancel);
  /// Build keys of a frozen plan by variant: a part of a variant has the key of the whole.
  void promise_keys(std::map<std::string, Digest> keys) { promised_keys_ = std::move(keys); }
  /// Destinations that take no part in a frozen plan, with the reason.
  void promise_left_out(std::map<std::string, std::string> targets) { promised_left_out_ = std::move(targets); }
  Result<Plan> run();
  /// The plan that `frozen` says, without a look at anything.
  Result<Plan> restore(const Json& frozen);

 private:
  /// Matrix, tag table, targets and id.
  Result<void> make_frame();
  void choose_id();
  Result<void> restore_variant(PlannedVariant& variant, const Json& frozen);
  Result<void> choose_backend(Matrix& matrix) const;
  Result<void> list_variants();
  Result<void> check_only() const;
  [[nodiscard]] std::set<std::string> needed_below() const;
  [[nodiscard]] std::vector<std::filesystem::path> own_results() const;
  Result<void> prepare_images();
  Result<void> prepare_variant(PlannedVariant& variant, const Variant& source);
  Result<void> make_build_keys();
  Result<void> make_build_key(PlannedVariant& variant);
  static std::set<std::string> variants_below(const PlannedVariant& variant);
  void list_tags();
  Result<void> look_at_tags();
  Result<void> look_at_target(std::size_t target);
  Result<void> leave_out(std::size_t target, const Error& error);

  void choose_attestation_form();
  void warn_of_what_stays();
  Result<void> judge_variants();
  Result<void> judge_at(PlannedVariant& variant, std::size_t target);
  Result<void> judge_tags();
  Result<void> judge_tag(PlannedTag& tag, const PlannedVariant& variant);
  Result<void> judge_forward(PlannedTag& tag);
  Result<void> judge_set();
  Result<bool> judge_set_tag(std::size_t target);
  Result<bool> has_set(std::size_t target);
  Result<void> refuse_conflicts() const;
  Result<void> check_named_tags() const;

  Result<void> find_version();
  Result<void> find_variant(PlannedVariant& variant, std::vector<std::string>& missing);
  Result<void> find_variant_at(PlannedVariant& variant, std::size_t target, std::vector<std::string>& missing);
  Result<void> refuse_missing(const std::vector<std::string>& missing);
  Result<const tags::VersionReader*> versions_at(std::size_t target);
  [[nodiscard]] std::string left_alone(const PlannedTag& tag) const;
  [[nodiscard]] bool may_replace(const PlannedTag& tag) const;
  [[nodiscard]] bool is_forced(const PlannedTag& tag) const;

  /// An index that a tag holds now, as far as it matters here.
  struct Found {
    Document document;
    std::string key;
    bool complete = false;
  };
  Result<const Found*> load(std::size_t target, const oci::Descriptor& descriptor);
  [[nodiscard]] const tags::Entry& entry(const PlannedTag& tag) const { return plan_.table.entries[tag.entry]; }
  PlannedVariant* find(const std::string& variant);

  const Matrix& given_;
  EventSink events_;
  CancelToken cancel_;
  Plan plan_;
  Stores stores_;
  std::map<std::string, Digest> promised_keys_;
  std::map<std::string, std::string> promised_left_out_;
  std::vector<oci::Store*> looked_;  ///< by target; nullptr: nothing is there yet, or it is left out
  std::map<std::pair<std::size_t, Digest>, Found> found_;
  /// The versions of each target's repository, listed only when a forward rule needs them.
  std::map<std::size_t, tags::VersionReader> versions_;
  /// One builder per backend: an input shared by variants is read once.
  std::map<std::string, Result<std::unique_ptr<build::Builder>>> builders_;
  std::map<std::string, std::size_t> variant_at_;
  std::map<std::pair<std::size_t, std::string>, std::vector<std::size_t>> tags_of_;  ///< (target, variant) → plan tags
  std::vector<std::string> conflicts_;
};

}  // namespace shipset::release
