#include "../../src/control/figures.h"

#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "../../src/control/figures_connection.h"

namespace ringpost::control {
namespace {

FiguresRequest parse(const std::string& head) {
  return parse_figures_request(head);
}

TEST(FiguresRequests, GetAndHeadOfMetricsAreAnswered) {
  EXPECT_EQ(parse("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9110\r\n\r\n"), FiguresRequest::figures);
  EXPECT_EQ(parse("GET /metrics?x=1 HTTP/1.0\r\n\r\n"), FiguresRequest::figures);
  EXPECT_EQ(parse("HEAD /metrics HTTP/1.1\r\nhost: LOCALHOST\r\n\r\n"), FiguresRequest::figures_head);
  EXPECT_EQ(parse("GET /metrics HTTP/1.1\r\nHost: [::1]:9110\r\n\r\n"), FiguresRequest::figures);
}

TEST(FiguresRequests, AnythingElseIsRefused) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\n\r\n"), FiguresRequest::not_found);
  EXPECT_EQ(parse("GET /metrics/../x HTTP/1.1\r\n\r\n"), FiguresRequest::not_found);
  EXPECT_EQ(parse("POST /metrics HTTP/1.1\r\n\r\n"), FiguresRequest::wrong_method);
  for (const char* wrong :
       {"", "\r\n\r\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET /metrics SPDY/1\r\n\r\n", "\x16\x03\x01\n\n"})
    EXPECT_EQ(parse(wrong), FiguresRequest::malformed) << wrong;
}

// A page of another site whose name was pointed at 127.0.0.1 must not read them in a browser here.
TEST(FiguresRequests, AForeignHostIsRefused) {
  for (const char* host : {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9110", "[::2]", ""})
    EXPECT_EQ(parse(std::string("GET /metrics HTTP/1.1\r\nHost: ") + host + "\r\n\r\n"), FiguresRequest::wrong_host)
        << host;
}

TEST(FiguresText, EveryFigureHasANameOfOursAndAType) {
  Figures figures;
  figures.sessions_by_core = {3, 4};
  figures.session.retrieved = 7;
  const std::string text = prometheus_text(figures);
  std::istringstream lines(text);
  std::set<std::string> typed, helped, seen;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string mark, kind, name;
    if (line.starts_with("# ")) {
      words >> mark >> kind >> name;
      EXPECT_TRUE((kind == "TYPE" ? typed : helped).insert(name).second) << name << " stands twice";
      continue;
    }
    name = line.substr(0, line.find_first_of("{ "));
    EXPECT_TRUE(name.starts_with("ringpost_")) << line;
    EXPECT_TRUE(typed.contains(name) && helped.contains(name)) << line;
    seen.insert(name);
  }
  EXPECT_EQ(seen, typed);
  EXPECT_NE(text.find("\nringpost_messages_retrieved_total 7\n"), std::string::npos);
  EXPECT_NE(text.find("\nringpost_sessions{core=\"1\"} 4\n"), std::string::npos);
}

}  // namespace
}  // namespace ringpost::control
