// Link headers: the target stands in the header, and leads nowhere but to a web address.
#include "fuzz.hpp"
#include "url_impl.hpp"

namespace {
using namespace shipset::registry;

std::string check(std::string_view bytes) {
  const auto found = next_link(bytes);
  if (found.empty()) return {};
  if (bytes.find("<" + found + ">") == std::string_view::npos) return "a target that the header does not hold";
  if (next_link("<" + found + ">; rel=\"next\"") != found) return "another target after a round trip";
  if (next_link("<" + found + ">; rel=\"prev\"") == found) return "the page before was taken for the next one";
  const auto base = Url::parse("https://reg.example/v2/a/tags/list");
  const auto url = base->resolve(found);
  if (!url) return {};
  if (url->scheme != "https" && url->scheme != "http") return "another scheme";
  if (url->scheme == "http" && redirect_refusal(*base, *url).empty()) return "a page by plain HTTP would be asked for";
  return {};
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check,
                            {"<", ">", ";", ",", "rel=\"next\"", "rel=next", "REL=Next", "rel=\"prev\"",
                             "/v2/a/tags/list", "?n=1&last=b", "https://", "http://", "//", "file:", "user@", " "}};
  return found;
}
