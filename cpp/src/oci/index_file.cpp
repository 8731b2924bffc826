#include <algorithm>
#include <optional>

#include "index_file_impl.hpp"
#include "parse_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::oci::detail {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Walks over JSON text that is known to be valid.
class Scanner {
 public:
  explicit Scanner(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(char c) {
    spaces();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::string_view string() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    ++at_;
    return text_.substr(begin, at_ - begin);
  }
  std::string_view value() {
    spaces();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        string();
        continue;
      }
      if (depth == 0 && c != '{' && c != '[') return scalar(begin);
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    } while (depth > 0 && at_ < text_.size());
    return text_.substr(begin, at_ - begin);
  }

 private:
  std::string_view scalar(std::size_t begin) {
    while (at_ < text_.size() && !is_space(text_[at_]) && std::string_view(",]}").find(text_[at_]) == text_.npos) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  std::string_view text_;
  std::size_t at_;
};

/// The text of the value of `manifests`, if the name is spelt without escapes.
std::optional<std::string_view> find_manifests(std::string_view text) {
  Scanner scan(text);
  if (!scan.take('{')) return std::nullopt;
  for (scan.spaces(); scan.peek() == '"'; scan.spaces()) {
    const bool wanted = scan.string() == "\"manifests\"";
    scan.take(':');
    const auto value = scan.value();
    if (wanted) return value;
    if (!scan.take(',')) break;
  }
  return std::nullopt;
}

std::vector<std::string> split_entries(std::string_view array) {
  std::vector<std::string> out;
  Scanner scan(array);
  if (!scan.take('[')) return out;
  for (scan.spaces(); scan.peek() != ']' && scan.peek() != '\0'; scan.spaces()) {
    out.emplace_back(scan.value());
    if (!scan.take(',')) break;
  }
  return out;
}

std::string entry_text(const Descriptor& descriptor) {
  JsonWriter out;
  descriptor.write(out);
  return out.take();
}

constexpr std::string_view empty_head =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)";

}  // namespace

std::string_view tag_of(const Descriptor& entry) {
  const auto it = entry.annotations.find(std::string(ref_name_key));
  return it == entry.annotations.end() ? std::string_view() : std::string_view(it->second);
}

IndexFile::IndexFile() : head_(empty_head), tail_("]}") {}

Result<IndexFile> IndexFile::parse(std::string bytes, std::string_view object) {
  IndexFile out;
  SHIPSET_TRY(const auto json, parse_json(bytes, object, ErrorKind::verify, {.bytes = max_index_file_bytes}));
  SHIPSET_TRY(out.index_, parse_index(json, object));
  if (const auto array = find_manifests(bytes)) {
    out.entries_ = split_entries(*array);
    const auto begin = static_cast<std::size_t>(array->data() - bytes.data());
    out.head_ = bytes.substr(0, begin);
    out.head_ += '[';
    out.tail_ = ']';
    out.tail_.append(bytes, begin + array->size());
  }
  if (out.entries_.size() != out.index_.manifests.size()) {
    // A name spelt with escapes: the meaning is kept, the bytes become ours.
    const std::string canonical = out.index_.to_bytes();
    if (canonical == bytes) return Error(ErrorKind::internal, "cannot split " + std::string(object));
    return parse(canonical, object);
  }
  return out;
}

Result<const Descriptor*> IndexFile::find(std::string_view tag) const {
  const Descriptor* found = nullptr;
  for (const auto& entry : index_.manifests) {
    if (tag.empty() || tag_of(entry) != tag) continue;
    if (found && found->digest != entry.digest)
      return Error(ErrorKind::verify, "cannot resolve tag " + printable(tag, 140),
                   "index.json names it twice: " + found->digest.str() + " and " + entry.digest.str(),
                   "set the tag once more, or name the digest");
    if (!found) found = &entry;
  }
  return found;
}

std::vector<std::string> IndexFile::tags() const {
  std::vector<std::string> out;
  for (const auto& entry : index_.manifests)
    if (const auto tag = tag_of(entry); !tag.empty()) out.emplace_back(tag);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool IndexFile::set_tag(std::string_view tag, const Descriptor& manifest) {
  Descriptor entry = manifest;
  entry.data.clear();
  entry.urls.clear();
  entry.annotations.insert_or_assign(std::string(ref_name_key), std::string(tag));
  std::size_t place = entries_.size();
  std::size_t count = 0;
  for (std::size_t i = index_.manifests.size(); i-- > 0;)
    if (tag_of(index_.manifests[i]) == tag) place = i, ++count;
  if (count == 1 && index_.manifests[place].digest == entry.digest) return false;
  if (place == entries_.size()) {
    entries_.push_back(entry_text(entry));
    index_.manifests.push_back(std::move(entry));
    return true;
  }
  for (std::size_t i = index_.manifests.size(); --i > place;) {
    if (tag_of(index_.manifests[i]) != tag) continue;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    index_.manifests.erase(index_.manifests.begin() + static_cast<std::ptrdiff_t>(i));
  }
  entries_[place] = entry_text(entry);
  index_.manifests[place] = std::move(entry);
  return true;
}

bool IndexFile::remove_tag(std::string_view tag) {
  bool removed = false;
  for (std::size_t i = index_.manifests.size(); i-- > 0;) {
    if (tag_of(index_.manifests[i]) != tag) continue;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    index_.manifests.erase(index_.manifests.begin() + static_cast<std::ptrdiff_t>(i));
    removed = true;
  }
  return removed;
}

std::string IndexFile::to_bytes() const {
  std::string out = head_;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (i > 0) out += ',';
    out += entries_[i];
  }
  return out + tail_;
}

}  // namespace shipset::oci::detail
