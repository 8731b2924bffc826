// Outputs of a GitHub Actions step: the heredoc form of $GITHUB_OUTPUT.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "shipset/tags/table.hpp"

namespace shipset::tags {

namespace {

bool has_line(const std::vector<std::string>& lines, std::string_view wanted) {
  return std::find(lines.begin(), lines.end(), wanted) != lines.end();
}

std::string delimiter_for(const std::vector<std::string>& lines) {
  std::string delimiter = "EOF";
  for (int i = 1; has_line(lines, delimiter); ++i) delimiter = fmt::format("EOF_{}", i);
  return delimiter;
}

}  // namespace

std::string github_outputs(const Matrix& matrix, const Table& table_with_inactive) {
  std::unordered_map<std::string_view, std::vector<std::string>> lines_of;
  for (const auto& entry : table_with_inactive.entries)
    if (entry.platforms.empty()) lines_of[entry.variant].push_back(entry.familiar());
  std::string out;
  for (const auto& variant : matrix.variants) {
    const auto& lines = lines_of[variant.name];
    const std::string delimiter = delimiter_for(lines);
    out += fmt::format("{}<<{}\n", variant.name, delimiter);
    for (const auto& line : lines) out += line + "\n";
    out += delimiter + "\n";
  }
  return out;
}

}  // namespace shipset::tags
