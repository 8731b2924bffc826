// From instructions to stages: FROM, ARG and the instructions that use other stages or images.
#include <fmt/format.h>

#include <algorithm>

#include "dockerfile_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::dockerfile {

namespace {

constexpr std::size_t max_stages = 2'000;
constexpr std::size_t max_args = 20'000;
constexpr std::size_t max_sources = 20'000;

bool is_stage_name(std::string_view name) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && lower(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
    return lower(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

class StageReader {
 public:
  StageReader(const FileContent& content, const std::string& name) : content_(content), name_(name) {}

  Result<FileStages> read() {
    for (const auto& each : content_.instructions) {
      if (each.keyword == "from") {
        SHIPSET_CHECK(from(each));
      } else if (out_.stages.empty() && (each.keyword != "arg" || each.on_build)) {
        return file_error(name_, each.line, "only ARG may stand before the first FROM", "begin the file with FROM");
      } else {
        SHIPSET_CHECK(command(each));
      }
    }
    if (out_.stages.empty()) return file_error(name_, 0, "the file has no stage", "a Dockerfile begins with FROM");
    return std::move(out_);
  }

 private:
  Result<void> from(const Instruction& instruction);
  Result<void> command(const Instruction& instruction);
  Result<std::vector<ArgSetting>> args(const Instruction& instruction);
  Result<std::vector<SourceUse>> sources(const Instruction& instruction);
  Result<void> mount(const std::string& text, const Instruction& instruction, std::vector<SourceUse>& out);

  const FileContent& content_;
  const std::string& name_;
  FileStages out_;
  std::size_t args_ = 0, sources_ = 0;
};

Result<void> StageReader::from(const Instruction& instruction) {
  const auto words = split_blanks(instruction.rest);
  const bool named = words.size() == 3 && to_lower(words[1]) == "as";
  if (instruction.rest.empty() || (words.size() != 1 && !named))
    return file_error(name_, instruction.line, "FROM is not of the form FROM [--platform=PLATFORM] IMAGE [AS NAME]",
                      "a comment needs a line of its own");
  StageText stage;
  stage.base = words.front();
  stage.line = instruction.line;
  if (named) stage.name = to_lower(words[2]);
  if (named && !is_stage_name(stage.name))
    return file_error(name_, instruction.line, fmt::format("\"{}\" is no name for a stage", printable(words[2], 80)),
                      "names are letters, digits, -, _ and ., and begin with a letter");
  for (const auto& flag : instruction.flags)
    if (!flag.starts_with("--platform="))
      return file_error(name_, instruction.line, fmt::format("FROM has no flag {}", printable(flag, 80)),
                        "it has --platform=PLATFORM alone");
  stage.platform = flag_value(instruction.flags, "platform").value_or("");
  if (out_.stages.size() == max_stages)
    return file_error(name_, instruction.line, fmt::format("the file has more than {} stages", max_stages));
  out_.stages.push_back(std::move(stage));
  return {};
}

Result<std::vector<ArgSetting>> StageReader::args(const Instruction& instruction) {
  std::vector<ArgSetting> out;
  for (const auto& word : quoted_words(instruction.rest, content_.escape)) {
    const std::size_t equals = word.find('=');
    if (equals == 0) return file_error(name_, instruction.line, "ARG has a value without a name");
    ArgSetting arg{word.substr(0, equals), std::nullopt, instruction.line};
    if (equals != word.npos) arg.value = word.substr(equals + 1);
    out.push_back(std::move(arg));
  }
  if (out.empty()) return file_error(name_, instruction.line, "ARG has no name");
  args_ += out.size();
  if (args_ > max_args)
    return file_error(name_, instruction.line, fmt::format("the file has more than {} arguments", max_args));
  return out;
}

Result<void> StageReader::mount(const std::string& text, const Instruction& instruction, std::vector<SourceUse>& out) {
  const auto fields = csv_fields(text);
  if (!fields)
    return file_error(name_, instruction.line,
                      fmt::format("the mount \"{}\" has quotes that do not fit", printable(text, 200)));
  // A mount without an image depends on a stage of the name scratch, should there be one.
  SourceUse use{"scratch", "RUN --mount", instruction.line, true};
  for (const auto& field : *fields) {
    const std::size_t equals = field.find('=');
    if (equals == field.npos || to_lower(field.substr(0, equals)) != "from") continue;
    use.from = field.substr(equals + 1);
    const std::size_t dollar = use.from.find('$');
    if (dollar != use.from.npos && dollar + 1 != use.from.size())
      return file_error(
          name_, instruction.line,
          fmt::format("a mount cannot take its image from the variable in \"{}\"", printable(use.from, 80)),
          "give the image a stage of its own (FROM $IMAGE AS name) and mount from that");
    if (use.from.empty()) use.from = "scratch";
  }
  out.push_back(std::move(use));
  return {};
}

Result<std::vector<SourceUse>> StageReader::sources(const Instruction& instruction) {
  std::vector<SourceUse> out;
  if (instruction.keyword == "copy") {
    auto from = flag_value(instruction.flags, "from");
    if (from && !from->empty()) out.push_back({std::move(*from), "COPY --from", instruction.line, false});
  }
  if (instruction.keyword == "run")
    for (const auto& flag : instruction.flags)
      if (flag.starts_with("--mount="))
        SHIPSET_CHECK(mount(flag.substr(std::string_view("--mount=").size()), instruction, out));
  sources_ += out.size();
  if (sources_ > max_sources)
    return file_error(name_, instruction.line, fmt::format("the file has more than {} uses of images", max_sources));
  return out;
}

Result<void> StageReader::command(const Instruction& instruction) {
  StageCommand command;
  command.on_build = instruction.on_build;
  if (instruction.keyword == "arg") {
    SHIPSET_TRY(command.args, args(instruction));
  } else {
    SHIPSET_TRY(command.sources, sources(instruction));
  }
  if (out_.stages.empty())
    out_.global_args.insert(out_.global_args.end(), command.args.begin(), command.args.end());
  else if (!command.args.empty() || !command.sources.empty())
    out_.stages.back().commands.push_back(std::move(command));
  return {};
}

}  // namespace

Result<FileStages> read_stages(const FileContent& content, const std::string& name) {
  return StageReader(content, name).read();
}

}  // namespace shipset::build::dockerfile
