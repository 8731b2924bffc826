#include <fmt/format.h>

#include "pattern_impl.hpp"
#include "shipset/base/text.hpp"
#include "template_impl.hpp"

namespace shipset::detail {

namespace {

constexpr std::size_t max_steps = 5000;
constexpr std::size_t max_text = 8 * 1024;
constexpr int max_depth = 50;
constexpr int max_count = 1000;
constexpr char32_t last_character = 0x10FFFF;

/// Precondition: valid UTF-8.
std::u32string decode(std::string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t c = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) c = (c << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    out += c;
    i += length;
  }
  return out;
}

using Ranges = std::vector<std::pair<char32_t, char32_t>>;

Ranges complement(const Ranges& sorted) {
  Ranges out;
  char32_t next = 0;
  for (const auto& [low, high] : sorted) {
    if (low > next) out.emplace_back(next, low - 1);
    next = high + 1;
  }
  out.emplace_back(next, last_character);
  return out;
}

/// Ranges of \d, \w, \s and their opposites; empty for other letters.
Ranges escape_class(char32_t letter) {
  const Ranges digits{{'0', '9'}};
  const Ranges words{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  const Ranges spaces{{'\t', '\r'}, {' ', ' '}};
  switch (letter) {
    case 'd':
      return digits;
    case 'w':
      return words;
    case 's':
      return spaces;
    case 'D':
      return complement(digits);
    case 'W':
      return complement(words);
    case 'S':
      return complement(spaces);
    default:
      return {};
  }
}

}  // namespace

bool Pattern::Set::contains(char32_t c) const noexcept {
  for (const auto& [low, high] : ranges)
    if (c >= low && c <= high) return !negated;
  return negated;
}

/// Recursive descent that writes steps as it reads.
class PatternParser {
 public:
  explicit PatternParser(std::u32string text) : text_(std::move(text)) {}

  Result<Pattern> run() {
    SHIPSET_CHECK(alternatives(0));
    if (i_ < text_.size()) return wrong("\")\" without \"(\"");
    emit({});
    return std::move(out_);
  }

 private:
  using Step = Pattern::Step;
  using Kind = Pattern::Step::Kind;

  [[nodiscard]] Error wrong(std::string what, std::string hint = {}) const {
    return error_at(i_, std::move(what), {}, std::move(hint));
  }
  [[nodiscard]] bool at(char32_t c) const { return i_ < text_.size() && text_[i_] == c; }
  [[nodiscard]] std::uint32_t here() const { return static_cast<std::uint32_t>(out_.steps_.size()); }
  std::uint32_t emit(Step step) {
    out_.steps_.push_back(step);
    return here() - 1;
  }
  void emit_set(Pattern::Set set) {
    Step step;
    step.kind = Kind::set;
    step.set = static_cast<std::uint32_t>(out_.sets_.size());
    out_.sets_.push_back(std::move(set));
    emit(step);
  }
  std::uint32_t emit_jump(Kind kind) {
    Step step;
    step.kind = kind;
    step.first = here() + 1;
    return emit(step);
  }

  /// Steps that were taken out, to be put in again elsewhere or more than once.
  struct Fragment {
    std::vector<Step> steps;
    std::uint32_t base = 0;
  };

  Fragment take(std::uint32_t start) {
    Fragment out{{out_.steps_.begin() + start, out_.steps_.end()}, start};
    out_.steps_.resize(start);
    return out;
  }

  Result<void> put(const Fragment& fragment) {
    if (here() + fragment.steps.size() > max_steps) return wrong("the pattern is too large");
    const std::uint32_t shift = here() - fragment.base;
    for (Step step : fragment.steps) {
      step.first += shift;
      step.second += shift;
      emit(step);
    }
    return {};
  }

  Result<void> alternatives(int depth) {
    if (depth > max_depth) return wrong("groups are nested more than 50 deep");
    std::vector<std::uint32_t> ends;
    for (;;) {
      const std::uint32_t start = here();
      SHIPSET_CHECK(sequence(depth));
      if (!at('|')) break;
      ++i_;
      const Fragment way = take(start);
      const std::uint32_t split = emit_jump(Kind::split);
      SHIPSET_CHECK(put(way));
      ends.push_back(emit_jump(Kind::jump));
      out_.steps_[split].second = here();
    }
    for (const auto end : ends) out_.steps_[end].first = here();
    return {};
  }

  Result<void> sequence(int depth) {
    while (i_ < text_.size() && !at('|') && !at(')')) SHIPSET_CHECK(repeated(depth));
    return {};
  }

  Result<void> repeated(int depth) {
    const std::uint32_t start = here();
    SHIPSET_CHECK(atom(depth));
    int least = 1, most = 1;
    SHIPSET_CHECK(counts(least, most));
    if (least == 1 && most == 1) return {};
    const Fragment part = take(start);
    for (int n = 0; n < least; ++n) SHIPSET_CHECK(put(part));
    std::vector<std::uint32_t> splits;
    for (int n = least; n < most; ++n) {
      splits.push_back(emit_jump(Kind::split));
      SHIPSET_CHECK(put(part));
    }
    if (most < 0) {
      splits.push_back(emit_jump(Kind::split));
      SHIPSET_CHECK(put(part));
      out_.steps_[emit_jump(Kind::jump)].first = splits.back();
    }
    for (const auto split : splits) out_.steps_[split].second = here();
    return {};
  }

  /// `*`, `+`, `?`, `{m}`, `{m,}`, `{m,n}` with an optional `?` behind, which changes nothing for a whole match.
  Result<void> counts(int& least, int& most) {
    if (at('*')) {
      least = 0, most = -1;
    } else if (at('+')) {
      least = 1, most = -1;
    } else if (at('?')) {
      least = 0, most = 1;
    } else if (at('{')) {
      SHIPSET_CHECK(braces(least, most));
    } else {
      return {};
    }
    ++i_;
    if (at('?')) ++i_;
    if (at('*') || at('+') || at('?') || at('{')) return wrong("there is nothing to repeat here");
    return {};
  }

  Result<void> braces(int& least, int& most) {
    const auto number = [&](int& out) {
      bool any = false;
      for (out = 0; i_ < text_.size() && text_[i_] >= '0' && text_[i_] <= '9' && out <= max_count; ++i_, any = true)
        out = out * 10 + static_cast<int>(text_[i_] - '0');
      return any;
    };
    ++i_;
    if (!number(least)) return wrong("\"{\" needs a number", "write \\{ for the brace itself");
    most = least;
    if (at(',')) {
      ++i_;
      if (at('}'))
        most = -1;
      else if (!number(most))
        return wrong("\"{\" needs a number after the comma");
    }
    if (!at('}')) return wrong("\"{\" without \"}\"");
    if (least > max_count || most > max_count) return wrong("a count is over 1000");
    if (most >= 0 && most < least) return wrong("the counts are the wrong way round");
    return {};
  }

  Result<void> atom(int depth) {
    const char32_t c = text_[i_];
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        return character_class();
      case '\\':
        return escape();
      case '.':
        ++i_;
        emit_set({{{'\n', '\n'}}, true});
        return {};
      case '^':
      case '$':
        ++i_;
        emit_jump(c == '^' ? Kind::begin : Kind::end);
        return {};
      case '*':
      case '+':
      case '?':
      case '{':
        return wrong("there is nothing to repeat here", "write a backslash before the character itself");
      default:
        break;
    }
    ++i_;
    emit_set({{{c, c}}, false});
    return {};
  }

  Result<void> group(int depth) {
    ++i_;
    if (at('?')) {
      if (i_ + 1 >= text_.size() || text_[i_ + 1] != ':')
        return wrong("only (…) and (?:…) are known groups", "look-around, names and flags are not supported");
      i_ += 2;
    }
    SHIPSET_CHECK(alternatives(depth + 1));
    if (!at(')')) return wrong("\"(\" without \")\"");
    ++i_;
    return {};
  }

  /// The character of an escape that is not a class.
  Result<char32_t> escaped() {
    const char32_t c = text_[i_++];
    if (c == 'n') return U'\n';
    if (c == 't') return U'\t';
    if (c == 'r') return U'\r';
    const bool letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (letter) return wrong("this escape is not supported", "known are \\d \\w \\s \\D \\W \\S \\n \\r \\t and marks");
    return c;
  }

  Result<void> escape() {
    if (++i_ >= text_.size()) return wrong("the pattern ends in a backslash");
    Pattern::Set set;
    set.ranges = escape_class(text_[i_]);
    if (set.ranges.empty()) {
      SHIPSET_TRY(const char32_t c, escaped());
      set.ranges.emplace_back(c, c);
    } else {
      ++i_;
    }
    emit_set(std::move(set));
    return {};
  }

  Result<void> character_class() {
    Pattern::Set set;
    ++i_;
    if (at('^')) set.negated = true, ++i_;
    bool first = true;
    while (i_ < text_.size() && (first || !at(']'))) {
      first = false;
      if (at('\\') && i_ + 1 < text_.size()) {
        if (auto ranges = escape_class(text_[i_ + 1]); !ranges.empty()) {
          set.ranges.insert(set.ranges.end(), ranges.begin(), ranges.end());
          i_ += 2;
          continue;
        }
      }
      SHIPSET_TRY(const char32_t low, class_character());
      char32_t high = low;
      if (at('-') && i_ + 1 < text_.size() && text_[i_ + 1] != ']') {
        ++i_;
        SHIPSET_TRY(high, class_character());
      }
      if (high < low) return wrong("a range of a class is the wrong way round");
      set.ranges.emplace_back(low, high);
    }
    if (!at(']')) return wrong("\"[\" without \"]\"");
    ++i_;
    emit_set(std::move(set));
    return {};
  }

  Result<char32_t> class_character() {
    if (!at('\\')) return text_[i_++];
    if (++i_ >= text_.size()) return wrong("the pattern ends in a backslash");
    return escaped();
  }

  std::u32string text_;
  std::size_t i_ = 0;
  Pattern out_;
};

Result<Pattern> Pattern::parse(std::string_view text) {
  if (text.size() > 1000) return error_at(0, "the pattern is longer than 1000 bytes");
  if (!is_utf8(text)) return error_at(0, "the pattern is not UTF-8");
  return PatternParser(decode(text)).run();
}

bool Pattern::matches(std::string_view text) const {
  if (text.size() > max_text || !is_utf8(text)) return false;
  const std::u32string characters = decode(text);
  std::vector<std::uint32_t> now, next, todo;
  std::vector<std::size_t> seen(steps_.size(), 0);
  std::size_t round = 0;
  bool matched = false;
  const auto follow = [&](std::uint32_t start, std::size_t position, std::vector<std::uint32_t>& list) {
    todo.assign(1, start);
    while (!todo.empty()) {
      const std::uint32_t i = todo.back();
      todo.pop_back();
      if (seen[i] == round) continue;
      seen[i] = round;
      const Step& step = steps_[i];
      switch (step.kind) {
        case Step::Kind::set:
          list.push_back(i);
          break;
        case Step::Kind::match:
          matched = matched || position == characters.size();
          break;
        case Step::Kind::split:
          todo.push_back(step.second);
          [[fallthrough]];
        case Step::Kind::jump:
          todo.push_back(step.first);
          break;
        case Step::Kind::begin:
          if (position == 0) todo.push_back(step.first);
          break;
        case Step::Kind::end:
          if (position == characters.size()) todo.push_back(step.first);
          break;
      }
    }
  };
  ++round;
  follow(0, 0, now);
  for (std::size_t position = 0; position < characters.size() && !now.empty(); ++position) {
    next.clear();
    ++round;
    for (const std::uint32_t i : now)
      if (sets_[steps_[i].set].contains(characters[position])) follow(i + 1, position + 1, next);
    now.swap(next);
  }
  return matched;
}

}  // namespace shipset::detail
