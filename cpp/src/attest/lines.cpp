#include <fmt/format.h>

#include <array>

#include "lines_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

bool LineScan::feed(std::string_view piece) {
  seen_ += piece.size();
  if (seen_ > max_file && !done_) {
    out_.complete = false;
    out_.notes.push_back(fmt::format("{}: only the first {} were read", printable(out_.path), human_bytes(max_file)));
    done_ = true;
  }
  while (!done_ && !piece.empty()) {
    const auto end = piece.find('\n');
    const auto part = piece.substr(0, end);
    const auto room = max_line - line_.size();
    line_cut_ = line_cut_ || part.size() > room;
    line_.append(part.substr(0, room));
    if (end == std::string_view::npos) break;
    done_ = !deliver();
    piece.remove_prefix(end + 1);
  }
  return !done_;
}

bool LineScan::deliver() {
  std::string_view text = line_;
  if (text.ends_with('\r')) text.remove_suffix(1);
  cut_lines_ += line_cut_ ? 1 : 0;
  const bool more = line(text);
  line_.clear();
  line_cut_ = false;
  return more;
}

FileFacts LineScan::finish() {
  if (!done_ && !line_.empty()) deliver();
  end();
  const auto path = printable(out_.path);
  if (cut_lines_ != 0) out_.notes.push_back(fmt::format("{}: {} over-long lines were cut", path, cut_lines_));
  if (refused_ != 0) {
    out_.complete = false;
    out_.notes.push_back(fmt::format("{}: {} entries without a usable name or version, or too many", path, refused_));
  }
  return std::move(out_);
}

void LineScan::keep(Fact&& fact) {
  const auto cost = weight(fact);
  if (!presentable(fact.name, 300) || !presentable(fact.version, 300) || kept_ + cost > max_kept) {
    ++refused_;
    return;
  }
  kept_ += cost;
  if (!presentable(fact.architecture, 100)) fact.architecture.clear();
  if (!presentable(fact.upstream, 600)) fact.upstream.clear();
  out_.facts.push_back(std::move(fact));
}

std::size_t weight(const Fact& fact) {
  std::size_t sum = sizeof(Fact) + fact.name.size() + fact.version.size() + fact.architecture.size() +
                    fact.supplier.size() + fact.license.size() + fact.upstream.size();
  for (const auto& text : fact.needs) sum += sizeof(std::string) + text.size();
  for (const auto& text : fact.provides) sum += sizeof(std::string) + text.size();
  return sum;
}

std::size_t weight(const FileFacts& file) {
  std::size_t sum = sizeof(FileFacts) + file.path.size();
  for (const auto& fact : file.facts) sum += weight(fact);
  for (const auto& note : file.notes) sum += sizeof(std::string) + note.size();
  return sum;
}

bool presentable(std::string_view text, std::size_t limit) {
  if (text.empty() || text.size() > limit || !is_utf8(text)) return false;
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  return true;
}

std::string actor(std::string_view maintainer) {
  static constexpr std::array<std::string_view, 14> words = {
      "team",       "maintainers", "developers", "group", "project", "inc.",      "corporation",
      "foundation", "packagers",   "security",   "ltd",   "gmbh",    "community", "authors"};
  maintainer = trim(maintainer);
  std::string_view mail;
  if (const auto open = maintainer.find('<'); open != std::string_view::npos) {
    mail = maintainer.substr(open + 1);
    mail = trim(mail.substr(0, mail.find('>')));
    maintainer = trim(maintainer.substr(0, open));
  }
  std::string name;  // parentheses separate name and mail in SPDX, so a name holds none
  for (const char c : maintainer)
    if (c != '(' && c != ')' && c != '"') name += c;
  if (name.empty()) name = mail;
  if (!presentable(name, 200)) return {};
  if (!presentable(mail, 200) || mail.find_first_of("() ") != std::string_view::npos) mail = {};
  const auto lower = to_lower(name);
  bool organisation = mail.find("@lists.") != std::string_view::npos;
  for (const auto word : words) organisation = organisation || lower.find(word) != std::string::npos;
  std::string out = (organisation ? "Organization: " : "Person: ") + name;
  if (!mail.empty() && mail != name) out.append(" (").append(mail).append(")");
  return out;
}

bool ends_with_path(std::string_view path, std::string_view tail) {
  if (!path.ends_with(tail)) return false;
  return path.size() == tail.size() || path[path.size() - tail.size() - 1] == '/';
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

void append_bounded(std::string& text, std::string_view more) {
  static constexpr std::size_t limit = 64u << 10;
  if (text.size() < limit) text.append(more.substr(0, limit - text.size()));
}

}  // namespace shipset::attest
