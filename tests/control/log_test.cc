#include <algorithm>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <ringpost/control/event_ring.h>
#include <ringpost/control/log_line.h>
#include <ringpost/control/log_sink.h>

namespace ringpost::control {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class CountedReader final : public EventReader {
 public:
  void woken_by_event() noexcept override { ++wakes; }
  int wakes = 0;
};

std::string text_line(const TakenEvent& event) {
  std::string line;
  append_text_line(line, event);
  return line;
}
std::string json_line(const TakenEvent& event) {
  std::string line;
  append_json_line(line, event);
  return line;
}

TEST(EventRing, GivesOutWhatWasWrittenInOrder) {
  CountedReader reader;
  EventRing ring(16384, reader);
  ring.write(LogLevel::info, "first", {{"text", "a b"}, {"natural", 7u}, {"integer", -7}, {"flag", true}});
  ring.write(LogLevel::error, "second", {});
  TakenEvent event;
  ASSERT_TRUE(ring.take(event));
  EXPECT_EQ(event.event, "first");
  ASSERT_EQ(event.fields.size(), 4u);
  EXPECT_EQ(std::get<std::string_view>(event.fields[0].value), "a b");
  EXPECT_EQ(std::get<std::uint64_t>(event.fields[1].value), 7u);
  EXPECT_EQ(std::get<std::int64_t>(event.fields[2].value), -7);
  EXPECT_EQ(std::get<bool>(event.fields[3].value), true);
  ASSERT_TRUE(ring.take(event));
  EXPECT_EQ(event.event, "second");
  EXPECT_EQ(event.level, LogLevel::error);
  EXPECT_FALSE(ring.take(event));
}

TEST(EventRing, EveryWrapOfTheRoomKeepsEventsWhole) {
  CountedReader reader;
  EventRing ring(1, reader);
  TakenEvent event;
  for (unsigned n = 0; n < 5000; ++n) {
    ring.write(LogLevel::info, "e", {{"n", n}, {"text", std::string(n % 200, 'x')}});
    ASSERT_TRUE(ring.take(event));
    ASSERT_EQ(std::get<std::uint64_t>(event.fields[0].value), n);
    ASSERT_EQ(std::get<std::string_view>(event.fields[1].value), std::string(n % 200, 'x'));
  }
}

TEST(EventRing, WhatFindsNoRoomIsDroppedAndCounted) {
  CountedReader reader;
  EventRing ring(1, reader);
  for (int n = 0; n < 1000; ++n) ring.write(LogLevel::info, "e", {{"n", n}});
  int kept = 0;
  TakenEvent event;
  while (ring.take(event)) EXPECT_EQ(std::get<std::int64_t>(event.fields[0].value), kept++);
  EXPECT_GT(kept, 100);
  EXPECT_EQ(ring.dropped(), 1000u - static_cast<unsigned>(kept));
}

TEST(EventRing, LessSeriousEventsAreNotEvenCopied) {
  CountedReader reader;
  reader.level = LogLevel::warning;
  EventRing ring(1, reader);
  ring.write(LogLevel::info, "e", {});
  EXPECT_TRUE(ring.empty());
}

TEST(EventRing, WakesItsReaderOnceAndOnlyWhenItSleeps) {
  CountedReader reader;
  EventRing ring(1, reader);
  ring.write(LogLevel::info, "e", {});
  EXPECT_EQ(reader.wakes, 0);
  reader.asleep = true;
  ring.write(LogLevel::info, "e", {});
  ring.write(LogLevel::info, "e", {});
  EXPECT_EQ(reader.wakes, 1);
}

TEST(EventRing, AnEventThatIsTooLargeLosesItsLastFieldsOnly) {
  CountedReader reader;
  EventRing ring(1, reader);
  const std::string text(10'000, 'x');
  ring.write(LogLevel::info, "e",
             {{"a", text},
              {"b", text},
              {"c", text},
              {"d", text},
              {"e", text},
              {"f", text},
              {"g", text},
              {"h", text},
              {"i", text},
              {"j", text},
              {"k", text},
              {"l", text},
              {"m", text},
              {"n", text},
              {"o", text},
              {"p", text},
              {"q", text}});
  TakenEvent event;
  ASSERT_TRUE(ring.take(event));
  EXPECT_GE(event.fields.size(), 14u);
  EXPECT_TRUE(event.fields[0].cut);
  EXPECT_EQ(std::get<std::string_view>(event.fields[0].value).size(), EventRing::text_octets_max);
}

// R050: one line an event, whatever a client sends; JSON stays valid.
TEST(LogLine, ForeignTextCanNeitherEndALineNorLookLikeAField) {
  const std::string foreign[] = {"rip=1.2.3.4",
                                 "a b",
                                 "a\"b\\c",
                                 "a\r\nevent=login",
                                 std::string("a\0b", 3),
                                 "\x1b[31mred",
                                 "\x9b"
                                 "31m",
                                 "caf\xc3\xa9",
                                 "\xff\xfe",
                                 "\xc3",
                                 "\xe2\x80\xa8x",
                                 "\xe2\x80\xaetxt",
                                 "\xc2\x85x",
                                 "\xed\xa0\x80",
                                 "\xf5\x80\x80\x80",
                                 std::string(256, '\x01'),
                                 "",
                                 "=",
                                 "'"};
  for (const std::string& text : foreign) {
    const TakenEvent event{{0},
                           LogLevel::info,
                           "login",
                           {{"client", std::string_view("127.0.0.1"), false}, {"user", std::string_view(text), false}}};
    const std::string line = text_line(event);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    EXPECT_THAT(line, HasSubstr("client=127.0.0.1 user=\"")) << line;
    for (const char c : line.substr(0, line.size() - 1))
      EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f) << line;
    const std::string object = json_line(event);
    EXPECT_EQ(object.find('\n'), object.size() - 1) << object;
    const auto parsed = nlohmann::json::parse(object, nullptr, false);
    ASSERT_TRUE(parsed.is_object()) << object;
    EXPECT_EQ(parsed["client"], "127.0.0.1");
    EXPECT_TRUE(parsed["user"].is_string());
  }
}

TEST(LogLine, PlainValuesStandBare) {
  const TakenEvent event{
      {1'700'000'000'123'456},
      LogLevel::warning,
      "e",
      {{"user", std::string_view("a@b.example"), false}, {"n", std::uint64_t{5}, false}, {"ok", true, false}}};
  EXPECT_EQ(text_line(event), "time=2023-11-14T22:13:20.123456Z level=warning event=e user=a@b.example n=5 ok=true\n");
  EXPECT_EQ(json_line(event),
            "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"warning\",\"event\":\"e\",\"user\":\"a@b.example\","
            "\"n\":5,\"ok\":true}\n");
}

TEST(LogLine, ValidUtf8StaysReadable) {
  const TakenEvent event{{0}, LogLevel::info, "e", {{"user", std::string_view("caf\xc3\xa9"), false}}};
  EXPECT_THAT(text_line(event), HasSubstr("user=\"caf\xc3\xa9\""));
}

TEST(LogLine, ACutTextSaysSo) {
  const TakenEvent event{{0}, LogLevel::info, "e", {{"user", std::string_view("xx"), true}}};
  EXPECT_THAT(text_line(event), HasSubstr("user=\"xx...\""));
}

std::string everything_in(int pipe_end) {
  std::string text;
  char part[4096];
  while (true) {
    const ssize_t got = read(pipe_end, part, sizeof part);
    if (got <= 0) return text;
    text.append(part, static_cast<std::size_t>(got));
  }
}

TEST(LogSink, WritesTheEventsOfSeveralThreads) {
  char path[] = "/tmp/ringpost-log-XXXXXX";
  LogSink sink(mkstemp(path), {}, 1 << 20);
  EventLog& one = sink.new_writer();
  EventLog& two = sink.new_writer();
  sink.start();
  const auto write_many = [](EventLog& log, const char* event) {
    for (int n = 0; n < 2000; ++n) log.write(LogLevel::info, event, {{"n", n}});
  };
  std::thread a([&] { write_many(one, "one"); });
  std::thread b([&] { write_many(two, "two"); });
  a.join();
  b.join();
  sink.stop();
  EXPECT_EQ(sink.counters().lines, 4000u);
  EXPECT_EQ(sink.counters().dropped, 0u);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const std::string text = everything_in(file);
  close(file);
  unlink(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4000);
  EXPECT_THAT(text, HasSubstr("event=two n=1999\n"));
}

TEST(LogSink, AFullPipeHoldsUpNobodyAndIsReportedLater) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  LogSink sink(ends[1], {.priorities = true}, 16384);
  EventLog& log = sink.new_writer();
  sink.start();
  const auto started = std::chrono::steady_clock::now();
  for (int n = 0; n < 100'000; ++n) log.write(LogLevel::info, "flood", {{"n", n}});
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
  EXPECT_GT(sink.counters().dropped, 0u);
  std::string text;
  char part[65536];
  for (pollfd readable{ends[0], POLLIN, 0}; poll(&readable, 1, 500) > 0;)
    text.append(part, static_cast<std::size_t>(read(ends[0], part, sizeof part)));
  EXPECT_THAT(text, ContainsRegex("<4>time=[^\n]* level=warning event=log_dropped events="));
  sink.stop();
  close(ends[0]);
}

TEST(LogSink, GoesOnInTheNewFileAfterReopen) {
  char first[] = "/tmp/ringpost-log-XXXXXX";
  char second[] = "/tmp/ringpost-log-XXXXXX";
  LogSink sink(mkstemp(first), {}, 16384);
  EventLog& log = sink.new_writer();
  sink.start();
  log.write(LogLevel::info, "before", {});
  for (struct stat found{}; found.st_size == 0; usleep(1000)) stat(first, &found);
  sink.reopen(mkstemp(second), {.json = true});
  usleep(200'000);
  log.write(LogLevel::info, "after", {});
  sink.stop();
  const auto text_in = [](const char* path) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    std::string text = everything_in(file);
    close(file);
    unlink(path);
    return text;
  };
  const std::string old_text = text_in(first), new_text = text_in(second);
  EXPECT_THAT(old_text, HasSubstr("event=before"));
  EXPECT_THAT(old_text, Not(HasSubstr("after")));
  EXPECT_THAT(new_text, HasSubstr("\"event\":\"after\""));
}

}  // namespace
}  // namespace ringpost::control
