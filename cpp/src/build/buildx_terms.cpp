// How settings and pinned images are said to buildx.
#include <algorithm>

#include "buildx_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::build::buildx {

bool is_remote(std::string_view context) {
  return context.find("://") != std::string_view::npos || context.starts_with("git@") ||
         context.starts_with("github.com/") || context.starts_with("target:");
}

std::string variant_stage(std::string_view variant) {
  std::string out = "shipset-variant-";
  bool changed = false;
  for (const char c : variant) {
    const bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    changed |= !keep;
    out += keep ? c : '-';
  }
  // Not every name of a variant is one of an image; two that differ must not become one.
  return changed ? out + "-" + std::string(Digest::of(variant).brief()) : out;
}

OrderedMap build_arguments(const Task& task) {
  OrderedMap out = task.settings.args;
  for (const auto& base : task.settings.bases) {
    const std::string value = base.variant.empty() ? base.image : variant_stage(base.variant);
    const auto at = std::find_if(out.begin(), out.end(), [&](const auto& pair) { return pair.first == base.arg; });
    if (at == out.end())
      out.emplace_back(base.arg, value);
    else
      at->second = value;
  }
  return out;
}

/// BuildKit asks for a context by the short name of the image, without the tag `latest`.
std::optional<std::pair<std::string, std::string>> pinned_context(const PinnedBase& base) {
  const auto reference = Reference::parse(base.reference);
  if (!reference || !reference->digest().empty() || base.reference.starts_with("variant:")) return std::nullopt;
  const Digest& digest = base.index_digest.empty() ? base.digest : base.index_digest;
  const std::string tag = reference->tag().empty() ? "latest" : reference->tag();
  const std::string name = reference->familiar_name() + (tag == "latest" ? "" : ":" + tag);
  return std::make_pair(name, "docker-image://" + reference->familiar_name() + ":" + tag + "@" + digest.str());
}

}  // namespace shipset::build::buildx
