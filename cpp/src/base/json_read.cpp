#include <nlohmann/json.hpp>
#include <set>

#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset {

namespace {

/// Builds the value while counting depth, values and names, so that hostile text cannot exhaust stack or memory.
class BoundedBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit BoundedBuilder(const JsonLimits& limits) : limits_(limits) {}
  Json root;
  std::string problem;

  bool null() override { return add(nullptr); }
  bool boolean(bool flag) override { return add(flag); }
  bool number_integer(number_integer_t number) override { return add(number); }
  bool number_unsigned(number_unsigned_t number) override { return add(number); }
  bool number_float(number_float_t number, const string_t&) override { return add(number); }
  bool string(string_t& text) override { return add(std::move(text)); }
  bool binary(binary_t&) override { return fail("binary values are not JSON"); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (stack_.back()->contains(name)) return fail("the member name \"" + printable(name, 80) + "\" occurs twice");
    name_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    // The library's text ends with the reason after the last "; " or ": ".
    std::string text = error.what();
    if (const auto at = text.find("syntax error"); at != std::string::npos) text = text.substr(at);
    return fail("byte " + std::to_string(position) + ": " + printable(text, 200));
  }

 private:
  bool fail(std::string text) {
    if (problem.empty()) problem = std::move(text);
    return false;
  }
  template <class V>
  Json* place(V&& value) {
    if (++values_ > limits_.values) {
      fail("more than " + std::to_string(limits_.values) + " values");
      return nullptr;
    }
    if (stack_.empty()) {
      root = std::forward<V>(value);
      return &root;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::forward<V>(value));
      return &parent.back();
    }
    Json& slot = parent[name_];
    slot = std::forward<V>(value);
    return &slot;
  }
  template <class V>
  bool add(V&& value) {
    return place(Json(std::forward<V>(value))) != nullptr;
  }
  bool open(Json container) {
    if (stack_.size() >= limits_.depth) return fail("nested deeper than " + std::to_string(limits_.depth) + " levels");
    Json* at = place(std::move(container));
    if (at == nullptr) return false;
    stack_.push_back(at);
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  std::vector<Json*> stack_;
  std::string name_;
  std::size_t values_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view object, ErrorKind kind, const JsonLimits& limits) {
  const auto fail = [&](std::string why) {
    return Error(kind, std::string(object) + " cannot be read as JSON", std::move(why));
  };
  if (text.size() > limits.bytes)
    return fail("it has " + std::to_string(text.size()) + " bytes, more than the limit of " +
                std::to_string(limits.bytes));
  if (text.starts_with("\xEF\xBB\xBF")) return fail("it begins with a byte order mark");
  BoundedBuilder builder(limits);
  const bool fine = Json::sax_parse(text.begin(), text.end(), &builder);
  if (!fine) return fail(builder.problem);
  return std::move(builder.root);
}

}  // namespace shipset
