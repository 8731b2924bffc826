// One pattern of a .dockerignore.
#include <algorithm>

#include "ignore_rules_impl.hpp"

namespace shipset::build::ignore {

namespace {

constexpr char32_t not_unicode = 0xfffd;

// As Go reads bytes: what is not UTF-8 is U+FFFD, byte by byte.
std::u32string decode(std::string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : 2;
    char32_t c = length == 1 ? lead : lead & (0xffu >> (length + 1));
    bool good = length == 1 || (lead >= 0xc2 && lead < 0xf5 && i + length <= text.size());
    for (std::size_t k = 1; good && k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      good = (byte & 0xc0) == 0x80;
      c = (c << 6) | (byte & 0x3fu);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    good = good && c >= least[length] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    out += good ? c : not_unicode;
    i += good ? length : 1;
  }
  return out;
}

Error bad(std::string why) {
  return Error(ErrorKind::spec, std::move(why));
}

// The syntax that Go's filepath.Match accepts.
Result<void> check_syntax(const std::u32string& text) {
  const auto one = [&](std::size_t& i) {
    if (i >= text.size() || text[i] == '-' || text[i] == ']') return false;
    if (text[i] == '\\') ++i;
    if (i >= text.size()) return false;
    ++i;
    return i < text.size();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      if (++i == text.size()) return bad("a backslash at the end escapes nothing");
      continue;
    }
    if (text[i] != '[') continue;
    ++i;
    if (i < text.size() && text[i] == '^') ++i;
    for (bool first = true;; first = false) {
      if (i < text.size() && text[i] == ']' && !first) break;
      if (!one(i)) return bad("a set of characters [...] is not complete");
      if (text[i] == '-' && !one(++i)) return bad("a set of characters [...] is not complete");
    }
  }
  return {};
}

class ExpressionReader {
 public:
  explicit ExpressionReader(const std::u32string& text) : text_(text) {}

  Result<std::vector<std::vector<Atom>>> read() {
    constexpr std::u32string_view folders = U"(.*/)?";
    std::vector<std::vector<Atom>> out(1);
    while (at_ < text_.size()) {
      Atom atom;
      const char32_t c = text_[at_];
      if (std::u32string_view(text_).substr(at_).starts_with(folders)) {
        atom.kind = Atom::folders;
        at_ += folders.size();
      } else if (c == '[') {
        ++at_;
        SHIPSET_CHECK(set(atom));
      } else if (c == '\\') {
        ++at_;
        SHIPSET_CHECK(escape(atom));
      } else if (c == '|') {
        ++at_;
        out.emplace_back();
        continue;
      } else if (c == '{' && is_repetition()) {
        return bad("braces with a number inside repeat what stands before them, which is not supported");
      } else {
        ++at_;
        atom.kind = c == '^' ? Atom::begin : c == '.' ? Atom::any_but_feed : Atom::literal;
        atom.first = c;
      }
      if (at_ < text_.size() && text_[at_] == '*') {
        atom.star = true;
        ++at_;
      }
      out.back().push_back(std::move(atom));
    }
    return out;
  }

 private:
  [[nodiscard]] bool is_repetition() const {
    std::size_t i = at_ + 1;
    const auto digits = [&] {
      const std::size_t begin = i;
      while (i < text_.size() && text_[i] >= '0' && text_[i] <= '9') ++i;
      return i > begin;
    };
    if (!digits()) return false;
    if (i < text_.size() && text_[i] == ',') ++i, digits();
    return i < text_.size() && text_[i] == '}';
  }

  // Behind a backslash: a character, or a set such as \d.
  Result<void> escape(Atom& atom) {
    if (at_ == text_.size()) return bad("a backslash at the end escapes nothing");
    const char32_t c = text_[at_++];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), digit = c >= '0' && c <= '9';
    atom.first = c;
    if (c < 0x80 && !letter && !digit) return {};
    constexpr std::pair<char32_t, char32_t> controls[] = {{'a', 7},    {'f', '\f'}, {'n', '\n'},
                                                          {'r', '\r'}, {'t', '\t'}, {'v', '\v'}};
    for (const auto& [name, value] : controls)
      if (c == name) {
        atom.first = value;
        return {};
      }
    atom.kind = Atom::set;
    atom.negated = c >= 'A' && c <= 'Z';
    const char32_t lower = atom.negated ? c + ('a' - 'A') : c;
    if (lower == 'd') atom.ranges = {{'0', '9'}};
    if (lower == 'w') atom.ranges = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    if (lower == 's') atom.ranges = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
    if (atom.ranges.empty()) return bad("a backslash stands before a letter, where BuildKit gives it another meaning");
    return {};
  }

  Result<void> set(Atom& atom) {
    atom.kind = Atom::set;
    if (at_ < text_.size() && text_[at_] == '^') atom.negated = true, ++at_;
    for (bool first = true; first || at_ >= text_.size() || text_[at_] != ']'; first = false) {
      if (at_ >= text_.size()) return bad("a set of characters [...] is not complete");
      if (text_.compare(at_, 2, U"[:") == 0) return bad("named sets such as [:alpha:] are not supported");
      Atom low;
      SHIPSET_CHECK(set_member(low));
      if (low.kind == Atom::set) {
        if (low.negated) return bad("a negated set inside of a set of characters is not supported");
        atom.ranges.insert(atom.ranges.end(), low.ranges.begin(), low.ranges.end());
        continue;
      }
      Atom high = low;
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        ++at_;
        SHIPSET_CHECK(set_member(high));
        if (high.kind == Atom::set || high.first < low.first) return bad("a range in a set of characters is backwards");
      }
      atom.ranges.emplace_back(low.first, high.first);
    }
    ++at_;
    return {};
  }

  Result<void> set_member(Atom& out) {
    if (at_ >= text_.size()) return bad("a set of characters [...] is not complete");
    out.first = text_[at_++];
    return out.first == '\\' ? escape(out) : Result<void>();
  }

  const std::u32string& text_;
  std::size_t at_ = 0;
};

bool accepts(const Atom& atom, char32_t c) {
  if (atom.kind == Atom::literal) return c == atom.first;
  if (atom.kind == Atom::any_but_feed) return c != '\n';
  const bool found = std::any_of(atom.ranges.begin(), atom.ranges.end(),
                                 [&](const auto& range) { return range.first <= c && c <= range.second; });
  return atom.kind == Atom::set && found != atom.negated;
}

// All positions in the pattern at once: no back-tracking. Position 2i is before atom i, 2i+1 inside of its folders.
bool run(const std::vector<Atom>& atoms, const std::u32string& path, bool from_begin, bool to_end) {
  const std::size_t count = 2 * atoms.size() + 1;
  std::vector<bool> now(count), next(count);
  const auto open = [&](std::vector<bool>& at, bool at_begin) {
    if (at_begin || !from_begin) at[0] = true;
    for (std::size_t i = 0; i < atoms.size(); ++i) {
      if (!at[2 * i]) continue;
      const auto& atom = atoms[i];
      if (atom.star || atom.kind == Atom::folders || (atom.kind == Atom::begin && at_begin)) at[2 * i + 2] = true;
      if (atom.kind == Atom::folders) at[2 * i + 1] = true;
    }
  };
  open(now, true);
  for (const char32_t c : path) {
    if (!to_end && now[count - 1]) return true;
    next.assign(count, false);
    for (std::size_t i = 0; i < atoms.size(); ++i) {
      if (now[2 * i + 1]) {
        if (c != '\n') next[2 * i + 1] = true;
        if (c == '/') next[2 * i + 2] = true;
      }
      if (now[2 * i] && accepts(atoms[i], c)) next[atoms[i].star ? 2 * i : 2 * i + 2] = true;
    }
    open(next, false);
    now.swap(next);
  }
  return now[count - 1];
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view cleaned) {
  Pattern out;
  out.text_ = cleaned;
  const auto text = decode(cleaned);
  SHIPSET_CHECK(check_syntax(text));
  std::u32string expression;
  std::size_t steps = 0;
  for (std::size_t i = 0; i < text.size(); ++steps) {
    const char32_t c = text[i++];
    if (c == '*' && i < text.size() && text[i] == '*') {
      ++i;
      if (i < text.size() && text[i] == '/') ++i;
      if (i < text.size()) {
        expression += U"(.*/)?";
        out.kind_ = Kind::expression;
      } else if (out.kind_ == Kind::exact) {
        out.kind_ = Kind::prefix;
      } else {
        expression += U".*";
        out.kind_ = Kind::expression;
      }
      if (steps == 0) out.kind_ = Kind::suffix;
      continue;
    }
    if (c == '*' || c == '?') {
      expression += c == '*' ? U"[^/]*" : U"[^/]";
      out.kind_ = Kind::expression;
    } else if (c < 0x80 && std::u32string_view(U".+()$").find(c) != std::u32string_view::npos) {
      expression += {U'\\', c};
    } else if (c == '\\') {
      expression += {U'\\', text[i++]};
      out.kind_ = Kind::expression;
    } else {
      expression += c;
      if (c == '[' || c == ']') out.kind_ = Kind::expression;
    }
  }
  if (out.kind_ == Kind::expression) {
    SHIPSET_TRY(out.alternatives_, ExpressionReader(expression).read());
  }
  return out;
}

bool Pattern::matches(std::string_view path) const {
  const std::string_view text = text_;
  switch (kind_) {
    case Kind::exact:
      return path == text;
    case Kind::prefix:
      return path.starts_with(text.substr(0, text.size() - 2));
    case Kind::suffix:
      return path.ends_with(text.substr(2)) || (text.size() > 2 && text[2] == '/' && path == text.substr(3));
    case Kind::expression: {
      const auto characters = decode(path);
      for (std::size_t i = 0; i < alternatives_.size(); ++i)
        if (run(alternatives_[i], characters, i == 0, i + 1 == alternatives_.size())) return true;
      return false;
    }
  }
  return false;
}

}  // namespace shipset::build::ignore
