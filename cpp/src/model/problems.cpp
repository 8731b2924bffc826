#include <fmt/format.h>

#include <algorithm>

#include "problems_impl.hpp"

namespace shipset::detail {

namespace {

constexpr std::size_t max_problems = 1000;

void sort_by_place(std::vector<Problem>& problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
}

}  // namespace

void ProblemList::add(Problem::Severity severity, Place at, const Node& node, std::string message, std::string hint) {
  if (!seen_.emplace(at.line, at.column, message).second) return;
  if (severity == Problem::Severity::error) ++errors_;
  if (problems_.size() >= max_problems) {
    ++left_out_;
    return;
  }
  Problem problem;
  problem.severity = severity;
  problem.file = file_;
  problem.line = at.line;
  problem.column = at.column;
  problem.key = node.path();
  problem.message = std::move(message);
  problem.hint = std::move(hint);
  problems_.push_back(std::move(problem));
}

void ProblemList::error(const Node& node, std::string message, std::string hint) {
  add(Problem::Severity::error, node.at, node, std::move(message), std::move(hint));
}

void ProblemList::error_at_key(const Node& node, std::string message, std::string hint) {
  add(Problem::Severity::error, node.key_at, node, std::move(message), std::move(hint));
}

void ProblemList::error(const Node& node, const TextProblem& problem) {
  Place at = node.at;
  // An offset of 0 is the text as a whole.
  if (node.plain && problem.offset > 0) at.column += 1 + static_cast<int>(std::min(problem.offset, node.text.size()));
  constexpr std::string_view anonymous = "the text ";
  std::string message = problem.message;
  if (message.starts_with(anonymous)) message.replace(0, anonymous.size(), "`" + node.path() + "` ");
  add(Problem::Severity::error, at, node, std::move(message), problem.hint);
}

void ProblemList::warning(const Node& node, std::string message, std::string hint) {
  add(Problem::Severity::warning, node.at, node, std::move(message), std::move(hint));
}

void ProblemList::warning_at_key(const Node& node, std::string message, std::string hint) {
  add(Problem::Severity::warning, node.key_at, node, std::move(message), std::move(hint));
}

std::vector<Problem> ProblemList::warnings() const {
  std::vector<Problem> out;
  for (const auto& problem : problems_)
    if (problem.severity == Problem::Severity::warning) out.push_back(problem);
  sort_by_place(out);
  return out;
}

Error ProblemList::to_error() const {
  Error error(ErrorKind::spec, fmt::format("{} has {} {}", file_, errors_, errors_ == 1 ? "error" : "errors"));
  error.problems = problems_;
  sort_by_place(error.problems);
  if (left_out_ > 0) error.why = fmt::format("{} further findings are not listed", left_out_);
  return error;
}

}  // namespace shipset::detail
