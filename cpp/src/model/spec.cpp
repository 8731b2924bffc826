#include "shipset/model/spec.hpp"

#include <fmt/format.h>

#include "checker_impl.hpp"
#include "shipset/base/file.hpp"
#include "spec_checks_impl.hpp"
#include "spec_data_impl.hpp"

namespace shipset {

using detail::Node;

struct ReleaseSpec::Data : detail::SpecData {};

namespace {

/// Values of the file that [versions] names; what is wrong with it is a problem at the key.
std::map<std::string, std::string> read_versions(const Node& root, const std::filesystem::path& directory,
                                                 detail::ProblemList& problems) {
  const Node* versions = root.find("versions");
  const Node* file = versions != nullptr && versions->is_table() ? versions->find("file") : nullptr;
  if (file == nullptr || !file->is_string() || file->text.empty()) return {};
  auto text = read_file(directory / file->text, std::uint64_t{1} << 20);
  if (!text) {
    problems.error(*file, fmt::format("{}: {}", text.error().what, text.error().why), text.error().hint);
    return {};
  }
  auto parsed = detail::parse_versions(*text, file->text);
  if (!parsed) {
    problems.error(*file, fmt::format("{}: {}", parsed.error().what, parsed.error().why), parsed.error().hint);
    return {};
  }
  return std::move(*parsed);
}

}  // namespace

Result<ReleaseSpec> ReleaseSpec::load(const std::filesystem::path& file) {
  SHIPSET_TRY(const std::string text, read_file(file, std::uint64_t{10} << 20));
  return parse(text, file);
}

Result<ReleaseSpec> ReleaseSpec::parse(std::string_view text, const std::filesystem::path& file) {
  auto data = std::make_shared<Data>();
  data->text = text;
  data->file = file;
  SHIPSET_TRY(data->root, detail::read_toml(data->text, file.string()));
  Node& root = data->root;
  detail::link(root);

  detail::ProblemList problems(file.string());
  const auto versions = read_versions(root, file.parent_path(), problems);
  data->known = detail::collect_names(root, versions);
  detail::Checker(data->known, data->texts, problems).check(root);
  // What follows relies on the shape of the file, and finds more in what is left of it.
  if (problems.has_errors()) detail::prune(root);

  data->declarations = detail::declare(root, data->known, problems);
  detail::check_inputs(root, problems);
  detail::check_gates(root, data->declarations, problems);
  if (!data->declarations.variants.empty()) detail::check_variants(root, data->declarations, problems);
  if (problems.has_errors()) return problems.to_error();

  const Node& release = *root.find("release");
  data->name = release.find("name")->text;
  if (const Node* scheme = release.find("scheme"))
    if (auto parsed = parse_version_scheme(scheme->text)) data->scheme = *parsed;
  data->inputs = detail::read_inputs(root);
  data->warnings = problems.warnings();
  ReleaseSpec out;
  out.data_ = std::move(data);
  return out;
}

const std::string& ReleaseSpec::name() const {
  return data_->name;
}
const std::vector<InputDeclaration>& ReleaseSpec::inputs() const {
  return data_->inputs;
}
const std::vector<Problem>& ReleaseSpec::warnings() const {
  return data_->warnings;
}
const std::string& ReleaseSpec::text() const {
  return data_->text;
}
const std::filesystem::path& ReleaseSpec::file() const {
  return data_->file;
}

std::vector<std::string> ReleaseSpec::variant_names() const {
  std::vector<std::string> out;
  for (const auto& variant : data_->declarations.variants) out.push_back(variant.name);
  return out;
}

VersionScheme ReleaseSpec::scheme() const {
  return data_->scheme;
}

Result<Matrix> ReleaseSpec::matrix_of_version(const std::string& version, const InputValues& inputs,
                                              const Facts& facts) const {
  return detail::make_matrix(*data_, inputs, facts, &version);
}

Result<Matrix> ReleaseSpec::matrix(const InputValues& inputs, const Facts& facts) const {
  return detail::make_matrix(*data_, inputs, facts);
}

}  // namespace shipset
