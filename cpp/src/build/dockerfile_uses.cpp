// Which images a target needs: stages with their expanded bases, what they take from each other, what is reachable.
// The order in which names become known follows BuildKit's converter: a FROM sees the stages before it, other
// instructions see all stages, and of one name the last.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "dockerfile_uses_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::build::dockerfile {

namespace {

constexpr std::size_t max_sources = 20'000;
constexpr std::string_view scratch = "scratch";

/// A stage, or an image that a stage takes files from.
struct State {
  const StageText* text = nullptr;  ///< nullptr: an image
  std::string base;                 ///< expanded
  std::optional<std::size_t> base_stage;
  std::optional<Platform> platform;
  bool build_platform = false;
  bool replaced = false;  ///< by a context
  std::string stage, instruction;
  int line = 0;
  std::vector<std::size_t> needs;
  bool reached = false;
};

class Finder {
 public:
  Finder(const FileStages& file, const std::string& name, char escape, const DockerfileQuery& query)
      : file_(file), name_(name), escape_(escape), query_(query) {
    for (const auto& each : query.contexts) contexts_.insert(context_name(each));
  }

  Result<DockerfileUses> find();

 private:
  Result<void> add_stage(const StageText& text, std::size_t number);
  Result<void> read_platform(const StageText& text, State& state);
  Result<void> add_needs(std::size_t user, const StageCommand& command);
  Result<std::optional<std::size_t>> source(std::size_t user, const SourceUse& use, bool on_build);
  Result<void> reach(std::size_t from);
  Result<void> check_reference(const State& state) const;
  void collect();

  [[nodiscard]] Error error(int line, std::string message, std::string hint = {}) const {
    return file_error(name_, line, std::move(message), std::move(hint));
  }
  [[nodiscard]] std::string missing_hint(const std::set<std::string>& unmatched) const;
  static std::string context_name(std::string_view name);
  [[nodiscard]] bool in_contexts(std::string_view name, const Platform& platform) const;

  const FileStages& file_;
  const std::string& name_;
  const char escape_;
  const DockerfileQuery& query_;
  std::set<std::string> contexts_;
  Budget budget_;
  Globals globals_;
  std::vector<State> states_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::size_t, std::vector<std::string>> notes_;  ///< of stages
  std::size_t sources_ = 0;
  DockerfileUses out_;
};

// Contexts and images are compared as Docker's short names, without the tag latest.
std::string Finder::context_name(std::string_view name) {
  const std::size_t platform = name.find("::");
  const auto reference = Reference::parse(name.substr(0, platform));
  auto out = reference ? reference->familiar() : std::string(name.substr(0, platform));
  if (out.ends_with(":latest")) out.resize(out.size() - std::string_view(":latest").size());
  return platform == name.npos ? out : out.append(name.substr(platform));
}

bool Finder::in_contexts(std::string_view name, const Platform& platform) const {
  const auto lower = to_lower(name);
  if (contexts_.empty() || lower == scratch || lower == "context") return false;
  const auto known = context_name(name);
  return contexts_.contains(known) || contexts_.contains(known + "::" + platform.normalized().full_str());
}

std::string Finder::missing_hint(const std::set<std::string>& unmatched) const {
  if (unmatched.empty()) return {};
  const auto& name = *unmatched.begin();
  const auto has = [&](const std::vector<ArgSetting>& args) {
    return std::any_of(args.begin(), args.end(), [&](const auto& arg) { return arg.name == name; });
  };
  const auto shown = printable(name, 80);
  if (has(file_.global_args)) return fmt::format("{} has no default: give it a value in the build arguments", shown);
  for (const auto& stage : file_.stages)
    for (const auto& command : stage.commands)
      if (has(command.args))
        return fmt::format("FROM sees {} only where ARG {} stands before the first FROM", shown, shown);
  std::vector<std::string> names;
  for (const auto& [known, value] : globals_.values) names.push_back(known);
  const auto near = nearest_name(name, names);
  return near.empty()
             ? fmt::format("declare it before the first FROM: ARG {}=VALUE", shown)
             : fmt::format("{} is not declared before the first FROM; did you mean {}?", shown, printable(near, 80));
}

std::string missing_list(const std::set<std::string>& unmatched) {
  return unmatched.empty()
             ? std::string()
             : fmt::format(": {} has no value", printable(join({unmatched.begin(), unmatched.end()}, ", "), 200));
}

Result<void> Finder::read_platform(const StageText& text, State& state) {
  if (text.platform.empty()) return {};
  const auto expanded = expand(text.platform, globals_.values, escape_, budget_);
  if (!expanded) return error(text.line, "the platform cannot be read: " + printable(expanded.error().what));
  if (expanded->text.empty())
    return error(
        text.line,
        fmt::format("the platform {} is empty{}", printable(text.platform, 200), missing_list(expanded->unmatched)),
        missing_hint(expanded->unmatched));
  auto platform = Platform::parse(expanded->text);
  if (!platform)
    return error(
        text.line,
        fmt::format("\"{}\" is no platform{}", printable(expanded->text, 200), missing_list(expanded->unmatched)),
        expanded->unmatched.empty() ? platform.error().hint : missing_hint(expanded->unmatched));
  const bool of_builder = std::any_of(expanded->matched.begin(), expanded->matched.end(),
                                      [&](const auto& each) { return globals_.of_builder.contains(each); });
  state.build_platform = of_builder && platform->matches(query_.build_platform);
  state.platform = std::move(*platform);
  return {};
}

Result<void> Finder::check_reference(const State& state) const {
  if (state.base_stage || (state.base == scratch && !state.replaced)) return {};
  const auto reference = Reference::parse(state.base);
  if (reference) return {};
  std::set<std::string> unmatched;
  Budget budget;
  if (state.text != nullptr)
    if (auto again = expand(state.text->base, globals_.values, escape_, budget)) unmatched = again->unmatched;
  return error(state.line,
               fmt::format("{} names \"{}\", which is neither a stage nor an image{}", state.instruction,
                           printable(state.base, 200), missing_list(unmatched)),
               unmatched.empty() ? reference.error().why : missing_hint(unmatched));
}

Result<void> Finder::add_stage(const StageText& text, std::size_t number) {
  const auto expanded = expand(text.base, globals_.values, escape_, budget_);
  if (!expanded) return error(text.line, "the name of the image cannot be read: " + printable(expanded.error().what));
  if (expanded->text.empty())
    return error(text.line,
                 fmt::format("FROM {} names no image{}", printable(text.base, 200), missing_list(expanded->unmatched)),
                 missing_hint(expanded->unmatched));
  State state;
  state.text = &text;
  state.base = expanded->text;
  state.stage = text.name.empty() ? std::to_string(number) : text.name;
  state.instruction = "FROM";
  state.line = text.line;
  SHIPSET_CHECK(read_platform(text, state));
  state.replaced = !text.name.empty() && in_contexts(text.name, state.platform.value_or(query_.platform));
  if (const auto found = by_name_.find(state.base); found != by_name_.end() && !state.replaced)
    state.base_stage = found->second;
  if (!text.name.empty()) by_name_.insert_or_assign(text.name, states_.size());
  states_.push_back(std::move(state));
  return {};
}

// The stage or image that `use` means; nullopt when it cannot be told.
Result<std::optional<std::size_t>> Finder::source(std::size_t user, const SourceUse& use, bool on_build) {
  if (++sources_ > max_sources)
    return error(use.line, fmt::format("there are more than {} uses of stages and images", max_sources));
  if (!use.mount) {
    const auto expanded = expand(use.from, {}, escape_, budget_);
    if (!expanded || expanded->text != use.from) {
      notes_[user].push_back(
          fmt::format("line {}: which image COPY --from={} means cannot be told: BuildKit expands no "
                      "variables there",
                      use.line, printable(use.from, 80)));
      return std::optional<std::size_t>();
    }
    const auto digits = std::string_view(use.from).substr(use.from.starts_with('+') ? 1 : 0);
    long long index = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    const bool is_number = end == digits.data() + digits.size() && !digits.empty() && !digits.starts_with("+") &&
                           !(use.from.starts_with('+') && digits.starts_with('-'));
    if (is_number && (fault != std::errc() || index < 0 || static_cast<std::size_t>(index) >= states_.size()))
      return error(use.line, fmt::format("COPY --from={} names no stage", printable(use.from, 40)),
                   fmt::format("the file has the stages 0 to {}", file_.stages.size() - 1));
    if (is_number) return std::optional(static_cast<std::size_t>(index));
  }
  if (const auto found = by_name_.find(to_lower(use.from)); found != by_name_.end())
    return std::optional(found->second);
  State image;
  image.base = use.from;
  image.stage = states_[user].stage;
  image.instruction = (on_build ? "ONBUILD " : "") + use.instruction;
  image.line = use.line;
  states_.push_back(std::move(image));
  return std::optional(states_.size() - 1);
}

Result<void> Finder::add_needs(std::size_t user, const StageCommand& command) {
  for (const auto& use : command.sources) {
    SHIPSET_TRY(const auto found, source(user, use, command.on_build));
    // A trigger that copies from its own stage copies what is there so far.
    if (found && !(command.on_build && *found == user)) states_[user].needs.push_back(*found);
  }
  return {};
}

// Everything below the target. A stage that is reached runs the triggers of the stage that it is based on.
Result<void> Finder::reach(std::size_t from) {
  std::vector<std::size_t> open{from};
  states_[from].reached = true;
  const auto push = [&](std::size_t number) {
    if (std::exchange(states_[number].reached, true)) return;
    open.push_back(number);
  };
  while (!open.empty()) {
    const std::size_t number = open.back();
    open.pop_back();
    if (const auto base = states_[number].base_stage) {
      push(*base);
      for (const auto& command : states_[*base].text->commands)
        if (command.on_build) SHIPSET_CHECK(add_needs(number, command));
    }
    const auto needs = states_[number].needs;
    for (const std::size_t each : needs) {
      const auto& needed = states_[each];
      if (needed.text != nullptr && !needed.replaced && each >= number)
        return error(states_[number].line,
                     fmt::format("the stage {} takes files from the stage {}, which is not built before it",
                                 states_[number].stage, needed.stage),
                     "move the stage that is used before the one that uses it");
      push(each);
    }
  }
  return {};
}

void Finder::collect() {
  for (const auto& arg : file_.global_args) out_.declared_args.insert(arg.name);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto& state = states_[i];
    if (!state.reached) continue;
    if (state.text != nullptr && !state.replaced) out_.stages.insert(state.stage);
    if (const auto notes = notes_.find(i); notes != notes_.end())
      out_.notes.insert(out_.notes.end(), notes->second.begin(), notes->second.end());
    if (state.text != nullptr && !state.replaced) {
      for (const auto& command : state.text->commands)
        for (const auto& arg : command.args)
          if (!command.on_build) out_.declared_args.insert(arg.name);
      if (state.base_stage)
        for (const auto& command : states_[*state.base_stage].text->commands)
          for (const auto& arg : command.args)
            if (command.on_build) out_.declared_args.insert(arg.name);
    }
    const auto platform = state.platform.value_or(query_.platform);
    if (state.base_stage || state.replaced || state.base == scratch || in_contexts(state.base, platform)) continue;
    out_.images.push_back({state.base, platform, state.build_platform, state.stage, state.instruction, state.line});
  }
  std::stable_sort(out_.images.begin(), out_.images.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
}

Result<DockerfileUses> Finder::find() {
  SHIPSET_TRY(globals_, global_values(file_, name_, escape_, query_,
                                      query_.target.empty() ? file_.stages.back().name : query_.target, budget_));
  for (const auto& stage : file_.stages) SHIPSET_CHECK(add_stage(stage, states_.size()));
  const std::size_t target =
      query_.target.empty() ? states_.size() - 1 : by_name_.find(to_lower(query_.target))->second;
  for (std::size_t i = 0; i < file_.stages.size(); ++i)
    for (const auto& command : file_.stages[i].commands)
      if (!command.on_build) SHIPSET_CHECK(add_needs(i, command));
  SHIPSET_CHECK(reach(target));
  for (const auto& state : states_) SHIPSET_CHECK(check_reference(state));
  collect();
  return std::move(out_);
}

}  // namespace

Result<DockerfileUses> find_uses(const FileStages& file, const std::string& name, char escape,
                                 const DockerfileQuery& query) {
  return Finder(file, name, escape, query).find();
}

}  // namespace shipset::build::dockerfile
