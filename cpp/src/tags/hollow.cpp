#include <algorithm>
#include <optional>

#include "hollow_impl.hpp"
#include "shipset/model/template.hpp"

namespace shipset::tags {

namespace {

using Piece = Template::Piece;

bool is_separator(char c) {
  return c == '-' || c == '.' || c == '_';
}

// Whether two separators touch, or one touches an end: without that there is no hole.
bool is_suspicious(std::string_view tag) {
  if (tag.empty()) return true;
  if (is_separator(tag.front()) || is_separator(tag.back())) return true;
  for (std::size_t i = 1; i < tag.size(); ++i)
    if (is_separator(tag[i - 1]) && is_separator(tag[i])) return true;
  return false;
}

template <class Pairs>
std::optional<std::string> find(const Pairs& pairs, std::string_view name) {
  const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
  if (found == pairs.end()) return std::nullopt;
  if constexpr (std::is_same_v<std::decay_t<decltype(found->second)>, Value>) {
    return to_text(found->second);
  } else {
    return found->second;
  }
}

// Text of a name; nullopt when it is not known here.
std::optional<std::string> text_of(const Matrix& matrix, const Variant& variant, std::string_view name) {
  if (name == "suffix") return variant.suffix;
  if (name == "variant") return variant.name;
  if (name == "event.name") return matrix.facts.event_name;
  const std::size_t dot = std::min(name.find('.'), name.size() - 1);
  const std::string_view group = name.substr(0, dot), member = name.substr(dot + 1);
  if (group == "inputs") return find(matrix.inputs, member);
  if (group == "axis") return find(variant.axes, member);
  if (group == "git") return find(matrix.facts.git, member);
  return std::nullopt;
}

class Holes {
 public:
  Holes(const Matrix& matrix, const Variant& variant, const std::vector<Piece>& pieces)
      : matrix_(matrix), variant_(variant), pieces_(pieces) {}

  [[nodiscard]] std::string first() const {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const Piece& piece = pieces_[i];
      if (piece.name.empty() || piece.dash_before || piece.dash_after || !is_empty(piece)) continue;
      if (separated_before(i) && separated_after(i)) return piece.name;
    }
    return {};
  }

 private:
  [[nodiscard]] bool is_empty(const Piece& piece) const {
    if (piece.name.empty()) return piece.literal.empty();
    const auto text = text_of(matrix_, variant_, piece.name);
    return text && text->empty();
  }

  [[nodiscard]] bool separated_before(std::size_t at) const {
    while (at > 0 && is_empty(pieces_[at - 1])) --at;
    if (at == 0) return true;
    const Piece& piece = pieces_[at - 1];
    return piece.name.empty() ? is_separator(piece.literal.back()) : piece.dash_after;
  }

  [[nodiscard]] bool separated_after(std::size_t at) const {
    do ++at;
    while (at < pieces_.size() && is_empty(pieces_[at]));
    if (at == pieces_.size()) return true;
    const Piece& piece = pieces_[at];
    return piece.name.empty() ? is_separator(piece.literal.front()) : piece.dash_before;
  }

  const Matrix& matrix_;
  const Variant& variant_;
  const std::vector<Piece>& pieces_;
};

}  // namespace

std::string hollow_name(const Matrix& matrix, const Variant& variant, const ResolvedTag& tag) {
  if (!is_suspicious(tag.tag) || tag.rule.starts_with("type=")) return {};
  const auto rule = Template::parse(tag.rule);
  return rule ? Holes(matrix, variant, rule->pieces()).first() : std::string();
}

}  // namespace shipset::tags
