// One execution of a plan: the state that its phases share. Private to the module; execute() is the door.
// Phases run in the order of product.md §4; each fills its part of the report, and an error ends the run with the
// report telling what is done, failed and not started. One object, one call; phases fan out on their own.
#pragma once

#include <chrono>
#include <map>

#include "assemble.hpp"
#include "legs.hpp"
#include "promotion.hpp"
#include "session.hpp"
#include "shipset/attest/catalog.hpp"
#include "shipset/attest/statement.hpp"
#include "shipset/base/file.hpp"
#include "shipset/oci/transfer.hpp"
#include "stores.hpp"

namespace shipset::release {

class Run {
  friend class SetMaker;

 public:
  /// `session` without a journal: nothing of the run outlives it but its report.
  Run(const Plan& plan, Goal goal, const EventSink& events, const CancelToken& cancel, std::vector<Part> parts,
      Session session);
  Outcome go();

 private:
  /// What this run holds of one variant.
  struct State {
    std::vector<std::optional<build::BuiltImage>> images;  ///< by image
    std::vector<oci::Descriptor> attestations;             ///< for the index, by image
    std::vector<std::vector<oci::Descriptor>> referrers;   ///< by image: manifests in the work store about it
    Document index;                                        ///< of a built variant
    bool failed = false;
  };

  Result<void> phases();
  Result<void> after_commit();
  Result<void> phase(std::string_view name, Result<void> (Run::*step)());

  // run_journal.cpp
  Result<void> note(const std::string& record, Flush flush = Flush::later);
  Result<void> open_work();
  bool take_built(std::size_t variant, std::size_t image);
  Result<void> note_built(std::size_t variant, std::size_t image);
  bool take_attested(std::size_t variant, std::size_t image);
  Result<void> note_attested(std::size_t variant, std::size_t image);
  void mirror(bool at_end = false);
  void remove_mirror();
  void end_journal(const std::optional<Error>& error);

  // run_go_on.cpp
  Result<void> go_on();
  Result<void> leave_out_unrecorded();
  Result<void> restore_states();
  void restore_image(std::size_t variant, std::size_t image);

  Result<void> preflight();
  Result<void> open_targets();
  Result<void> open_staging();
  /// Where a build puts what is for this target: the staging repository, or the target itself.
  [[nodiscard]] const Target& place(std::size_t target) const;
  Result<void> gates_before_build();
  Result<void> gates_on_staged();
  Result<void> run_gates(Gate::At at);
  Result<void> run_gate(const Gate& gate, GateReport& report);
  Result<void> run_command(const Gate& gate, GateReport& report);
  Result<void> measure(const Gate& gate, GateReport& report);
  Result<GateMeasure> measure_image(const Gate& gate, std::size_t variant, std::size_t image);
  Result<void> compare_sizes(const Budget& budget, std::size_t variant, std::size_t image, GateMeasure& row);
  struct Former {
    std::string reference;
    oci::Descriptor root;
  };
  Result<std::optional<Former>> former_release(std::size_t variant);
  Result<std::optional<Former>> former_version(std::size_t variant);
  Result<void> external_results();
  Result<void> external_result(const Gate& gate, GateReport& report);
  void remove_gate_results();
  /// Names of the external gates that concern a variant.
  [[nodiscard]] std::vector<std::string> external_gates(const std::string& variant) const;
  /// Others join what this run stages, or it ends before an external gate has spoken.
  [[nodiscard]] bool leaves_legs() const;
  /// Platform images of this run that a gate is about, as (variant, image).
  [[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> gated_images(const Gate& gate) const;
  [[nodiscard]] bool gate_applies(const Gate& gate) const;
  [[nodiscard]] std::map<std::string, std::string> gate_environment(const Gate& gate);

  Result<void> build();
  Result<void> build_with(const std::string& backend, const std::vector<std::pair<std::size_t, std::size_t>>& images);
  Result<void> place_variants(build::Task& task);
  [[nodiscard]] std::optional<build::PushPlace> push_place(std::size_t variant) const;
  void take_outcome(std::size_t variant, std::size_t image, build::Outcome outcome);
  Result<void> judge_builds();

  Result<void> attest();
  Result<void> attest_image(std::size_t variant, std::size_t image, attest::LayerCache& cache);
  Result<void> store_statements(std::size_t variant, std::size_t image,
                                const std::vector<attest::StatementBlob>& statements);
  Result<void> assemble(std::size_t variant);
  Result<void> put_document(oci::Store& store, const Document& document);

  Result<void> collect();
  Result<void> check_parts();
  Result<std::string> find_leg(std::size_t variant, std::size_t image);
  Result<std::string> take_leg(std::size_t variant, std::size_t image, oci::Store& store,
                               const oci::ManifestBytes& document);
  Result<void> make_legs();
  oci::Delivery legs_for(std::size_t target);
  void remove_legs();

  Result<void> stage();
  Result<void> stage_images();
  oci::Delivery built_for(std::size_t target) const;
  std::map<std::size_t, std::vector<oci::Descriptor>> found_elsewhere(std::size_t target) const;
  Result<void> deliver(oci::Store& source, std::vector<oci::Delivery> deliveries, std::vector<std::size_t> numbers);

  Result<void> read_old();
  Result<void> choose_moves();
  Result<void> choose_move(std::size_t tag, std::size_t step);
  Result<void> promote();
  Result<std::vector<Place>> places(const CancelToken& late);
  void take_results(const Promotion& promotion);

  /// A destination that cannot be used: an error, or, where the release file says "continue", it is left out.
  Result<void> leave_out(std::size_t target, Error error);
  /// Those that could not be asked when the plan was made.
  Result<void> leave_out_unseen();
  [[nodiscard]] bool is_out(std::size_t target) const { return left_out_.contains(target); }
  /// Where the variant goes, without what is left out.
  [[nodiscard]] std::vector<std::size_t> places_of(std::size_t variant) const;
  Result<void> tell_left_out() const;

  /// After the commit point: what fails here is work that remains (kind incomplete), and no tag goes back.
  Result<void> after_commit(std::string_view name, Result<void> (Run::*step)());
  Result<void> publish_set();

  [[nodiscard]] bool to_build(std::size_t variant) const;
  /// Staged or present at every place it goes to: its tags may move.
  [[nodiscard]] bool usable(std::size_t variant) const;
  Result<Document> index_at(std::size_t variant, std::size_t target);
  [[nodiscard]] const Variant& declared(std::size_t variant) const { return plan_.matrix->variants[variant]; }
  [[nodiscard]] std::size_t variant_of(const PlannedTag& tag) const { return variant_at_.at(tag.variant); }
  void tell(EventKind kind, std::string subject, std::string message = {}) const;
  void start_report();
  void end_report(const std::optional<Error>& error);
  void clean_up();

  const Plan& plan_;
  const Goal goal_;
  const std::vector<Part> parts_;
  const EventSink& events_;
  const CancelToken cancel_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  Report report_;
  std::mutex noted_mutex_;
  std::vector<std::string> noted_;  ///< warnings that came beside the answers of registries
  Stores stores_;
  std::string phase_;
  std::vector<oci::Store*> targets_;
  std::optional<Target> staging_;  ///< [staging] repository: where builds wait for their promotion
  oci::Store* staging_store_ = nullptr;
  std::vector<std::filesystem::path>
      created_;  ///< layouts and parent folders that did not exist before, outermost first
  bool staged_ = false;
  bool gates_open_ = false;  ///< it ended because a required external gate has no result yet
  std::map<std::size_t, std::optional<Former>> former_;  ///< by variant: the release that growth is measured against
  Session session_;
  bool moving_ = false;  ///< the list of moves is written down: tags may have moved
  bool mirrored_ = false, mirror_failed_ = false;
  bool gone_back_ = false;           ///< the promotion failed, and no tag is left to be put back
  bool committed_ = false;           ///< every tag was read back: only forward from here
  std::optional<Error> unrecorded_;  ///< the journal could not be written
  std::optional<TempDirectory> folder_;
  std::unique_ptr<oci::LayoutStore> work_;
  std::vector<State> states_;
  std::map<std::string, std::size_t> variant_at_;
  std::map<std::pair<std::size_t, Digest>, oci::ManifestBytes> old_;  ///< what tags hold before, by target
  std::vector<Move> moves_;                                           ///< numbered as the plan's tags
  std::map<std::size_t, Error> left_out_;                             ///< targets that failed before anything moved
};

}  // namespace shipset::release
