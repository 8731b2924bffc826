#include "gate_output.hpp"

#include <algorithm>

#include "shipset/base/digest.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr std::size_t first_bytes = 4u << 20;   // of the output, kept in the log
constexpr std::size_t last_bytes = 256u << 10;  // kept behind them
constexpr std::size_t longest_line = 1u << 20;  // what is longer is cut
constexpr std::size_t cut_margin = 8u << 10;    // longer than any secret that a cut could split
constexpr std::size_t shown_lines = 1000;       // as events
constexpr std::size_t reported_lines = 20;
constexpr std::size_t reported_width = 400;
constexpr std::size_t longest_name = 80;

}  // namespace

std::string gate_log_name(const std::string& gate) {
  std::string out;
  for (const char c : gate) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    out += plain ? c : '-';
  }
  if (out != gate || out.size() > longest_name)
    out = out.substr(0, longest_name) + "-" + std::string(Digest::of(gate).encoded().substr(0, 8));
  return "gate-" + out + ".log";
}

GateOutput::GateOutput(const std::filesystem::path& log, std::function<void(const std::string&)> show)
    : show_(std::move(show)) {
  if (log.empty() || !make_directories(log.parent_path())) return;
  file_.open(log, std::ios::trunc);
}

void GateOutput::write(const std::string& line) {
  if (!file_.is_open()) return;
  file_ << printable(redact(line), longest_line) << '\n';
  if (!file_) broken_ = true;
}

void GateOutput::note(const std::string& text) {
  write("# " + text);
}

void GateOutput::add(std::string_view piece, std::size_t longest) {
  const bool whole = piece.size() < longest;
  if (skipping_) {
    left_out_ += piece.size();
    if (whole) skipping_ = false;
    return;
  }
  open_line_ += piece;
  if (!whole && open_line_.size() < longest_line) return;
  if (!whole) {
    // Redacted first and cut then: so neither end of the cut shows half of a secret.
    open_line_ = redact(open_line_);
    open_line_.resize(open_line_.size() - std::min(cut_margin, open_line_.size()));
    left_out_ += cut_margin;
    open_line_ += " (the line goes on)";
    skipping_ = true;
  }
  take_line(std::move(open_line_));
  open_line_.clear();
}

void GateOutput::take_line(std::string line) {
  if (line.ends_with('\r')) line.pop_back();
  std::replace(line.begin(), line.end(), '\t', ' ');
  if (shown_ < shown_lines) {
    show_(printable(redact(line), reported_width));
    if (++shown_ == shown_lines) show_("(further lines stand in the log)");
  }
  last_.push_back(line.size() > longest_line / 16 ? line.substr(0, longest_line / 16 - cut_margin) : line);
  if (last_.size() > reported_lines) last_.pop_front();
  if (written_ + line.size() < first_bytes && tail_.empty()) {
    written_ += line.size() + 1;
    write(line);
    return;
  }
  held_ += line.size() + 1;
  tail_.push_back(std::move(line));
  while (held_ > last_bytes) {
    held_ -= tail_.front().size() + 1;
    left_out_ += tail_.front().size() + 1;
    tail_.pop_front();
  }
}

void GateOutput::end() {
  if (!open_line_.empty()) take_line(std::move(open_line_));
  open_line_.clear();
  if (left_out_ > 0) note(human_bytes(left_out_) + " of the output are left out here");
  for (const auto& line : tail_) write(line);
  tail_.clear();
  file_.flush();
}

std::string GateOutput::last_lines() const {
  std::vector<std::string> out;
  for (const auto& line : last_) out.push_back(printable(redact(line), reported_width));
  while (!out.empty() && trim(out.back()).empty()) out.pop_back();
  return join(out, "\n");
}

}  // namespace shipset::release
