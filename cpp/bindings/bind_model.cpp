// Release file, matrix and tag table.
#include "errors.hpp"
#include "shipset/base/json.hpp"
#include "shipset/model/dump.hpp"
#include "shipset/model/matrix_json.hpp"
#include "shipset/model/spec.hpp"
#include "shipset/tags/dialect.hpp"
#include "tags_json.hpp"

namespace shipset::bindings {

namespace {

using Texts = std::map<std::string, std::string>;
using ReleaseGil = py::call_guard<py::gil_scoped_release>;

std::string inputs_json(const ReleaseSpec& spec) {
  JsonWriter out;
  out.begin_array();
  for (const auto& input : spec.inputs()) {
    out.begin_object().member("name", input.name).member("type", to_string(input.type)).key("default");
    if (input.default_text)
      out.value(*input.default_text);
    else
      out.null();
    out.key("options").begin_array();
    for (const auto& option : input.options) out.value(option);
    out.end_array().member("pattern", input.pattern).member("description", input.description).end_object();
  }
  out.end_array();
  return out.take();
}

std::vector<std::string> input_names(const ReleaseSpec& spec) {
  std::vector<std::string> names;
  for (const auto& input : spec.inputs()) names.push_back(input.name);
  return names;
}

std::string warnings_json(const std::vector<Problem>& warnings) {
  JsonWriter out;
  out.begin_array();
  for (const auto& problem : warnings) write(out, problem);
  out.end_array();
  return out.take();
}

// Rules of docker/metadata-action as the tags that they give.
Result<Matrix> with_tags(const Matrix& matrix) {
  return tags::has_dialect_rules(matrix) ? tags::with_evaluated_tags(matrix) : Result<Matrix>(matrix);
}

Result<Matrix> make_matrix(const ReleaseSpec& spec, const Texts& inputs, const Facts& facts,
                           const std::optional<std::string>& version) {
  SHIPSET_TRY(Matrix matrix, version ? spec.matrix_of_version(*version, inputs, facts) : spec.matrix(inputs, facts));
  SHIPSET_TRY(const Matrix evaluated, with_tags(matrix));
  matrix.warnings = evaluated.warnings;
  return matrix;
}

Result<std::string> matrix_text(const Matrix& matrix) {
  SHIPSET_TRY(const Matrix shown, with_tags(matrix));
  return to_table(shown);
}

Result<std::string> matrix_json(const Matrix& matrix, bool indented) {
  JsonWriter out(indented);
  SHIPSET_TRY(const Matrix shown, with_tags(matrix));
  write(out, shown);
  return out.take();
}

Result<std::string> table_json(const Matrix& matrix, bool include_inactive, bool indented) {
  SHIPSET_TRY(auto table, tags::make_table(matrix, include_inactive));
  return tags_json(matrix, table, indented);
}

Result<std::string> outputs(const Matrix& matrix) {
  SHIPSET_TRY(auto table, tags::make_table(matrix, true));
  return tags::github_outputs(matrix, table);
}

Facts make_facts(const Texts& git, const std::string& event_name, std::int64_t date_unix_s, const Texts& env,
                 const Texts& event, std::optional<std::int64_t> source_date_epoch,
                 std::optional<std::int64_t> commit_time_unix_s, bool context_clean, const std::string& ci_run,
                 const std::optional<std::vector<std::string>>& versions) {
  Facts facts;
  facts.git = git;
  facts.event_name = event_name;
  facts.date_unix_s = date_unix_s;
  facts.env = env;
  facts.event = event;
  facts.source_date_epoch = source_date_epoch;
  facts.commit_time_unix_s = commit_time_unix_s;
  facts.context_clean = context_clean;
  facts.ci_run = ci_run;
  facts.versions = versions;
  return facts;
}

}  // namespace

void bind_model(py::module_& module) {
  py::class_<Facts>(module, "Facts", "What the face collected from git, CI, clock and environment.")
      .def(py::init(&make_facts), py::kw_only(), py::arg("git"), py::arg("event_name"), py::arg("date_unix_s"),
           py::arg("env"), py::arg("event"), py::arg("source_date_epoch"), py::arg("commit_time_unix_s"),
           py::arg("context_clean"), py::arg("ci_run"), py::arg("versions"));
  py::class_<Matrix, std::shared_ptr<Matrix>>(module, "Matrix", "A release with inputs given.")
      .def("to_json", &matrix_json, py::kw_only(), py::arg("indented"), ReleaseGil())
      .def_property_readonly("has_warnings", [](const Matrix& matrix) { return !matrix.warnings.empty(); })
      .def_property_readonly("automatic", [](const Matrix& matrix) { return matrix.automatic; })
      .def("to_text", &matrix_text, ReleaseGil())
      .def("tags_json", &table_json, py::kw_only(), py::arg("include_inactive"), py::arg("indented"), ReleaseGil())
      .def("github_outputs", &outputs, ReleaseGil());
  py::class_<ReleaseSpec>(module, "Spec", "A checked release file.")
      .def_static("load", &ReleaseSpec::load, py::arg("file"), ReleaseGil())
      .def_static("parse", &ReleaseSpec::parse, py::arg("text"), py::arg("file"), ReleaseGil())
      .def_property_readonly("name", &ReleaseSpec::name)
      .def_property_readonly("variant_names", &ReleaseSpec::variant_names)
      .def_property_readonly("text", &ReleaseSpec::text)
      .def_property_readonly("file", [](const ReleaseSpec& spec) { return spec.file().string(); })
      .def_property_readonly("input_names", &input_names)
      .def_property_readonly("inputs_json", &inputs_json)
      .def_property_readonly("warnings_json", [](const ReleaseSpec& spec) { return warnings_json(spec.warnings()); })
      .def("matrix", &make_matrix, py::arg("inputs"), py::arg("facts"), py::arg("version") = py::none(), ReleaseGil());
  module.def("release_file_schema", &release_file_schema, ReleaseGil());
}

}  // namespace shipset::bindings
