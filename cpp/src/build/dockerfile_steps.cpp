// Which line of a Dockerfile a step of a build is. BuildKit names a step by its stage, its number, and its text; steps
// that are equal in two stages are one for it, and have the name of either.
#include <algorithm>
#include <charconv>

#include "dockerfile_data_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build {

namespace {

using dockerfile::Instruction;

/// `[final 2/3] RUN make`: the stage may be left out where there is but one.
struct StepName {
  std::string stage;          ///< lower case; a stage without a name is its number
  std::size_t from_last = 0;  ///< 0: the last step of its stage
  std::string keyword, text;
};

std::string collapsed(std::string_view text) {
  return join(dockerfile::split_blanks(dockerfile::trim_both(text)), " ");
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t out = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<StepName> read_step(std::string_view name) {
  const auto end = name.find(']');
  if (!name.starts_with("[") || end == name.npos) return std::nullopt;
  const auto words = split(name.substr(1, end - 1), ' ');
  const auto slash = words.back().find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto at = number(words.back().substr(0, slash)), of = number(words.back().substr(slash + 1));
  if (!at || !of || *at > *of) return std::nullopt;
  StepName out;
  if (words.size() > 1) out.stage = to_lower(words[words.size() - 2]);
  if (out.stage.starts_with("stage-") && number(out.stage.substr(6))) out.stage.erase(0, 6);
  out.from_last = *of - *at;
  out.text = collapsed(name.substr(end + 1));
  out.keyword = to_lower(out.text.substr(0, out.text.find(' ')));
  return out;
}

/// The instructions of one stage that are steps: those that make a layer.
bool is_step(const Instruction& instruction) {
  return !instruction.on_build && (instruction.keyword == "run" || instruction.keyword == "copy" ||
                                   instruction.keyword == "add" || instruction.keyword == "workdir");
}

/// How well an instruction fits: its text, its number, its stage. Variables and here-documents are shown expanded.
int fit(const Instruction& instruction, bool same_stage, bool same_number, const StepName& step) {
  if (instruction.keyword != step.keyword) return 0;
  const std::string rest = collapsed(instruction.rest);
  const bool open = rest.find('$') != std::string::npos || rest.find("<<") != std::string::npos;
  const bool equal = step.text.ends_with(rest);
  if (!equal && !(open && same_stage && same_number)) return 0;
  return 1 + (equal ? 1 : 0) + (same_number ? 2 : 0) + (same_stage ? 4 : 0);
}

}  // namespace

int Dockerfile::step_line(const DockerfileQuery& query, std::string_view step) const {
  const auto wanted = read_step(step);
  const auto found = wanted ? uses(query) : Result<DockerfileUses>(DockerfileUses{});
  if (!wanted || !found) return 0;
  const auto names = stages();
  int best = 0, line = 0;
  std::size_t stage = 0;
  std::vector<const Instruction*> steps;
  const auto judge = [&] {
    if (stage == 0 || found->stages.count(names[stage - 1]) == 0) return;
    const bool same_stage = wanted->stage.empty() || wanted->stage == names[stage - 1];
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const int fits = fit(*steps[i], same_stage, steps.size() - 1 - i == wanted->from_last, *wanted);
      if (fits > 0 && fits >= best) best = fits, line = steps[i]->line;  // of equals the nearest to the target
    }
  };
  for (const auto& instruction : data_->content.instructions) {
    if (instruction.keyword == "from" && !instruction.on_build) {
      judge();
      steps.clear();
      ++stage;
      const bool here = stage <= names.size() && found->stages.count(names[stage - 1]) != 0;
      if (wanted->keyword == "from" && here && wanted->stage == names[stage - 1]) return instruction.line;
    } else if (is_step(instruction)) {
      steps.push_back(&instruction);
    }
  }
  judge();
  return line;
}

bool Dockerfile::needs_line(const DockerfileQuery& query, int line) const {
  const auto found = uses(query);
  if (!found) return false;
  const auto names = stages();
  std::size_t stage = 0;
  for (const auto& instruction : data_->content.instructions)
    if (instruction.line <= line && instruction.keyword == "from" && !instruction.on_build) ++stage;
  return stage == 0 || stage > names.size() || found->stages.count(names[stage - 1]) != 0;
}

std::string Dockerfile::excerpt(int line) const {
  constexpr int around = 2;
  const int last = static_cast<int>(data_->content.line_starts.size());
  if (line < 1 || line > last) return {};
  const std::size_t width = std::to_string(std::min(last, line + around)).size() + 1;
  std::string out;
  for (int at = std::max(1, line - around); at <= std::min(last, line + around); ++at) {
    const std::string number = std::to_string(at);
    out += (out.empty() ? "" : "\n") + std::string(width - number.size(), ' ') + number;
    out += (at == line ? " | >>> " : " |     ") + printable(this->line(at), 200);
  }
  return out;
}

}  // namespace shipset::build
