// config/setting.h: one setting as a declaration, and the kinds of value that settings have.
//
// A maker such as count() takes the field, the key and its bounds, and gives back text and reader together, so that
// what the reference says and what the reader takes cannot differ.
#pragma once

#include <fmt/format.h>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringpost/config/reader.h>
#include <ringpost/config/settings.h>
#include <ringpost/config/units.h>

namespace ringpost::config {

// A value as it stands in the file.
struct Given {
  enum class Kind : std::uint8_t { text, integer, flag, list, other };
  Kind kind = Kind::other;
  std::string text;
  std::int64_t integer = 0;
  bool flag = false;
  std::vector<Given> items;
  std::uint32_t line = 0;
};

struct Fault {
  std::uint32_t line = 0;
  std::string text;
  bool not_supported_yet = false;
};
using Faults = std::vector<Fault>;

// "8", "\"10m\"", "a list": for "got ..." in a finding. Long and control octets are cut and made visible.
std::string describe(const Given& given);
// Foreign text for a finding: printable, at most `most` characters.
std::string visible(std::string_view text, std::size_t most = 80);

template <typename T>
struct Setting {
  SettingText text;
  std::function<void(T&, const Given&, const Surroundings&, Faults&)> read;
  std::function<bool(const T&, const T&)> same;
  bool read_default = false;  // its default is made from the surroundings: read text.default_value when absent
};

// What a person must know of a setting besides key and bounds.
struct About {
  std::string_view sentence;
  Applies applies = Applies::reload;
  std::string_view source = "";
  bool secret = false;
};

template <typename T>
struct Choice {
  std::string_view name;
  T value;
};

namespace detail {

inline void refuse(const Given& given, const std::string& allowed, Faults& faults) {
  faults.push_back({given.line, fmt::format("{} is not allowed; allowed: {}", describe(given), allowed)});
}

template <typename T>
SettingText text(std::string_view key, std::string allowed, std::string default_value, const About& about) {
  return {"",           key,         about.sentence, std::move(allowed), std::move(default_value), about.applies,
          about.secret, about.source};
}

template <typename T, typename F>
std::function<bool(const T&, const T&)> same(F field) {
  return [field](const T& a, const T& b) { return a.*field == b.*field; };
}

inline std::string quoted(std::string_view value) {
  return fmt::format("\"{}\"", value);
}

}  // namespace detail

template <typename T>
Setting<T> flag(bool T::* field, std::string_view key, const About& about) {
  std::string allowed = "true or false";
  return {detail::text<T>(key, allowed, T{}.*field ? "true" : "false", about),
          [=](T& table, const Given& given, const Surroundings&, Faults& faults) {
            if (given.kind != Given::Kind::flag) return detail::refuse(given, allowed, faults);
            table.*field = given.flag;
          },
          detail::same<T>(field)};
}

template <typename T, typename N>
Setting<T> count(N T::* field, std::string_view key, std::int64_t least, std::int64_t most, const About& about) {
  std::string allowed = fmt::format("a whole number from {} to {}", least, most);
  return {detail::text<T>(key, allowed, fmt::format("{}", T{}.*field), about),
          [=](T& table, const Given& given, const Surroundings&, Faults& faults) {
            if (given.kind != Given::Kind::integer || given.integer < least || given.integer > most)
              return detail::refuse(given, allowed, faults);
            table.*field = static_cast<N>(given.integer);
          },
          detail::same<T>(field)};
}

template <typename T>
Setting<T> size(std::uint64_t T::* field, std::string_view key, std::uint64_t least, std::uint64_t most,
                const About& about) {
  std::string allowed =
      fmt::format("a size from \"{}\" to \"{}\" (B, KB, MB, GB or TB)", show_size(least), show_size(most));
  return {detail::text<T>(key, allowed, detail::quoted(show_size(T{}.*field)), about),
          [=](T& table, const Given& given, const Surroundings&, Faults& faults) {
            const auto value = given.kind == Given::Kind::text ? parse_size(given.text) : std::nullopt;
            if (!value || *value < least || *value > most) return detail::refuse(given, allowed, faults);
            table.*field = *value;
          },
          detail::same<T>(field)};
}

template <typename T>
Setting<T> size(std::uint32_t T::* field, std::string_view key, std::uint32_t least, std::uint32_t most,
                const About& about) {
  std::string allowed =
      fmt::format("a size from \"{}\" to \"{}\" (B, KB, MB or GB)", show_size(least), show_size(most));
  return {detail::text<T>(key, allowed, detail::quoted(show_size(T{}.*field)), about),
          [=](T& table, const Given& given, const Surroundings&, Faults& faults) {
            const auto value = given.kind == Given::Kind::text ? parse_size(given.text) : std::nullopt;
            if (!value || *value < least || *value > most) return detail::refuse(given, allowed, faults);
            table.*field = static_cast<std::uint32_t>(*value);
          },
          detail::same<T>(field)};
}

template <typename T>
Setting<T> duration(milliseconds T::* field, std::string_view key, milliseconds least, milliseconds most,
                    const About& about) {
  std::string allowed =
      fmt::format("a duration from \"{}\" to \"{}\" (ms, s, m, h or d)", show_duration(least), show_duration(most));
  return {detail::text<T>(key, allowed, detail::quoted(show_duration(T{}.*field)), about),
          [=](T& table, const Given& given, const Surroundings&, Faults& faults) {
            const auto value = given.kind == Given::Kind::text ? parse_duration(given.text) : std::nullopt;
            if (!value || *value < least || *value > most) return detail::refuse(given, allowed, faults);
            table.*field = *value;
          },
          detail::same<T>(field)};
}

// Text without control octets, at most `most` octets long.
template <typename T>
Setting<T> words(std::string T::* field, std::string_view key, std::size_t least, std::size_t most,
                 std::string_view default_value, const About& about) {
  std::string allowed = fmt::format("a text of {} to {} printable characters", least, most);
  return {detail::text<T>(key, allowed, detail::quoted(default_value), about),
          [=](T& table, const Given& given, const Surroundings&, Faults& faults) {
            bool fine = given.kind == Given::Kind::text && given.text.size() >= least && given.text.size() <= most;
            for (const char c : given.text) fine = fine && c >= ' ' && c != 0x7f;
            if (!fine) return detail::refuse(given, allowed, faults);
            table.*field = given.text;
          },
          detail::same<T>(field)};
}

std::string absolute_path(std::string_view path, const Surroundings& surroundings);

// A path, relative to the configuration file's folder. An empty default means: none.
template <typename T>
Setting<T> path(std::string T::* field, std::string_view key, std::string_view default_value, const About& about) {
  std::string allowed = "a path, absolute or relative to this file";
  return {detail::text<T>(key, allowed, detail::quoted(default_value), about),
          [=](T& table, const Given& given, const Surroundings& surroundings, Faults& faults) {
            const bool fine = given.kind == Given::Kind::text && given.text.find('\0') == std::string::npos &&
                              given.text.size() < 4000 && (!given.text.empty() || default_value.empty());
            if (!fine) return detail::refuse(given, allowed, faults);
            table.*field = given.text.empty() ? std::string() : absolute_path(given.text, surroundings);
          },
          detail::same<T>(field), !default_value.empty()};
}

template <typename E>
std::string names_of(const std::vector<Choice<E>>& choices) {
  std::string names;
  for (const auto& choice : choices) names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", choice.name);
  return names;
}

// One of several names; `later` are names that will come, `advice` says more about those that never will.
template <typename T, typename E>
Setting<T> choice(E T::* field, std::string_view key, std::vector<Choice<E>> choices,
                  std::vector<std::string_view> later, const About& about) {
  std::string allowed = names_of(choices);
  std::string default_value;
  for (const auto& each : choices)
    if (each.value == T{}.*field) default_value = detail::quoted(each.name);
  return {detail::text<T>(key, allowed, default_value, about),
          [=](T& table, const Given& given, const Surroundings&, Faults& faults) {
            for (const auto& each : choices)
              if (given.kind == Given::Kind::text && each.name == given.text) {
                table.*field = each.value;
                return;
              }
            for (const std::string_view name : later)
              if (given.kind == Given::Kind::text && name == given.text) {
                faults.push_back(
                    {given.line, fmt::format("\"{}\" is not supported yet; allowed: {}", name, allowed), true});
                return;
              }
            detail::refuse(given, allowed, faults);
          },
          detail::same<T>(field)};
}

// Addresses with ports; `allowed_reach` says which, `advice` what to do about others.
template <typename T>
Setting<T> endpoints(std::vector<Endpoint> T::* field, std::string_view key, Reach farthest,
                     std::string_view reach_text, std::string_view advice, const About& about) {
  std::string allowed =
      fmt::format("a list of {} addresses with ports, such as \"127.0.0.1:1110\" or \"[::1]:1110\"", reach_text);
  return {detail::text<T>(key, allowed, "[]", about),
          [=](T& table, const Given& given, const Surroundings&, Faults& faults) {
            if (given.kind != Given::Kind::list) {
              // One address may stand without brackets.
              if (given.kind != Given::Kind::text) return detail::refuse(given, allowed, faults);
            }
            const std::vector<Given> items = given.kind == Given::Kind::list ? given.items : std::vector<Given>{given};
            std::vector<Endpoint> taken;
            for (const Given& item : items) {
              const auto endpoint = item.kind == Given::Kind::text ? parse_endpoint(item.text) : std::nullopt;
              if (!endpoint)
                detail::refuse(item, allowed, faults);
              else if (reach_of(*endpoint) > farthest)
                faults.push_back(
                    {item.line, fmt::format("{} is not a {} address; {}", describe(item), reach_text, advice)});
              else
                taken.push_back(*endpoint);
            }
            table.*field = std::move(taken);
          },
          detail::same<T>(field)};
}

}  // namespace ringpost::config
