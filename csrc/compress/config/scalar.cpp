#include "compress/config/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress::config {
namespace {

// The shortest text that reads back as the same number; with a point before an exponent, which YAML 1.1 asks for.
std::string number_text(double value) {
  char buffer[64];
  const double magnitude = std::abs(value);
  const bool plain = value == 0 || (magnitude >= 1e-6 && magnitude < 1e15);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, format).ptr);
  const size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) {
    text.insert(exponent, ".0");
  }
  return text;
}

template <typename Number>
Number parse_number(const std::string& text, const char* type, const Range& range) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  const bool number = error == std::errc() && stopped == end && std::isfinite(static_cast<double>(value));
  check<UsageError>(number, "expected a ", type, " (got '", text, "')");
  check<UsageError>(range.contains(static_cast<double>(value)), "out of range: got ", text, ", allowed ", range.text());
  return value;
}

}  // namespace

std::string Range::text() const {
  const bool from_below = std::isinf(low);
  if (from_below && std::isinf(high)) {
    return "";
  }
  if (std::isinf(high)) {
    return (low_included ? ">= " : "> ") + number_text(low);
  }
  return (low_included ? "[" : "(") + number_text(low) + ", " + number_text(high) + (high_included ? "]" : ")");
}

std::string Scalar::expected() const {
  if (!choices.empty()) {
    return "one of " + joined(names_of(choices));
  }
  return type == "true or false" ? type : "a " + type;
}

std::vector<std::string> names_of(const std::vector<NamedChoice>& choices) {
  std::vector<std::string> names;
  for (const NamedChoice& choice : choices) {
    names.push_back(choice.name);
  }
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

Scalar make_scalar(bool& value, const Rules& rules) {
  return {.type = "true or false",
          .text = [&value] { return std::string(value ? "true" : "false"); },
          .parse =
              [&value](const std::string& text) {
                const bool yes = text == "true" || text == "True";
                check<UsageError>(yes || text == "false" || text == "False", "expected true or false (got '", text,
                                  "')");
                value = yes;
              }};
}

Scalar make_scalar(int64_t& value, const Rules& rules) {
  return {.type = "whole number",
          .allowed = rules.range.text(),
          .text = [&value] { return std::to_string(value); },
          .parse = [&value, range = rules.range](
                       const std::string& text) { value = parse_number<int64_t>(text, "whole number", range); }};
}

Scalar make_scalar(double& value, const Rules& rules) {
  return {.type = "number",
          .allowed = rules.range.text(),
          .text = [&value] { return number_text(value); },
          .parse = [&value, range = rules.range](
                       const std::string& text) { value = parse_number<double>(text, "number", range); }};
}

Scalar make_scalar(std::string& value, const Rules& rules) {
  return {.type = "string",
          .free_text = true,
          .text = [&value] { return value; },
          .parse =
              [&value](const std::string& text) {
                check<UsageError>(!text.empty(), "is empty");
                value = text;
              }};
}

Scalar make_scalar(Duration& value, const Rules& rules) {
  return {.type = "duration",
          .allowed = rules.range.text(),
          .text = [&value] { return value.text(); },
          .parse =
              [&value, range = rules.range](const std::string& text) {
                const Duration parsed = parse_duration(text);
                check<UsageError>(range.contains(parsed.value), "out of range: got ", text, ", allowed ", range.text());
                value = parsed;
              }};
}

Scalar make_scalar(IntegerFormat& value, const Rules& rules) {
  std::vector<NamedChoice> formats;
  for (int bits = min_integer_bits; bits <= max_integer_bits; ++bits) {
    formats.push_back({IntegerFormat{bits}.name(), ""});
  }
  return make_choice_scalar(
      std::move(formats), [&value] { return value.name(); },
      [&value](size_t index) { value.bits = min_integer_bits + static_cast<int>(index); });
}

size_t parse_choice(const std::string& name, const std::vector<NamedChoice>& choices) {
  const std::vector<std::string> names = names_of(choices);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) {
    return static_cast<size_t>(found - names.begin());
  }
  fail<UsageError>("'", name, "' is unknown", did_you_mean(name, names), " (allowed: ", joined(names), ")");
}

Scalar make_choice_scalar(std::vector<NamedChoice> choices, std::function<std::string()> text,
                          std::function<void(size_t)> select) {
  return {
      .type = "name",
      .choices = choices,
      .text = std::move(text),
      .parse = [choices, select = std::move(select)](const std::string& name) { select(parse_choice(name, choices)); }};
}

}  // namespace compress::config
