// bench/bare/connection.cc: the third yardstick, the same canned answers from our own proactor, connections and
// coroutines. What it costs above the bare ring loop is the price of the seam; what Ringpost costs above it is the
// price of logins, store and log.
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <string_view>

#include <ringpost/ring/connection.h>
#include <ringpost/ring/uring_proactor.h>

#include "canned.h"

namespace ringpost::bare {
namespace {

using ring::Ending;

class Server {
 public:
  Server(ring::UringProactor& proactor, const Corpus& corpus, int listener)
      : proactor_(proactor), corpus_(corpus), acceptor_(*this) {
    acceptor_.kind = ring::OpKind::accept;
    acceptor_.fd = listener;
    proactor_.start(acceptor_);
  }

 private:
  struct Acceptor final : ring::Operation {
    explicit Acceptor(Server& owner) : server(owner) {}
    Server& server;
    void completed(const ring::Completion& completion) noexcept override {
      if (completion.result >= 0) ring::spawn(server.gate_, server.serve(static_cast<int>(completion.result)));
      if (!completion.more) server.proactor_.start(*this);
    }
  };

  ring::Task<void> serve(ring::Descriptor socket) {
    ring::Connection connection(proactor_, socket, {}, sends_);
    Conversation conversation;
    connection.put(greeting);
    Ending ending = Ending::none;
    while (ending == Ending::none && !conversation.over()) {
      std::string_view input = text_of(connection.unread());
      std::string_view answer = conversation.answer(corpus_, input);
      connection.consume(connection.unread().size() - input.size());
      if (answer.empty()) ending = co_await connection.more(proactor_.now() + std::chrono::minutes(10));
      while (!answer.empty() && ending == Ending::none) {
        if (connection.room() == 0) ending = co_await connection.flushed(std::chrono::minutes(1));
        const auto piece = std::min(answer.size(), connection.room());
        connection.put(answer.substr(0, piece));
        answer.remove_prefix(piece);
      }
    }
    co_await connection.close(ending == Ending::none, std::chrono::seconds(5));
  }

  ring::UringProactor& proactor_;
  const Corpus& corpus_;
  ring::SendCounters sends_;
  ring::Gate gate_;
  Acceptor acceptor_;
};

}  // namespace
}  // namespace ringpost::bare

int main(int argc, char** argv) try {
  using namespace ringpost;
  auto arguments = bare::arguments_of(argc, argv);
  auto corpus = bare::Corpus::load(arguments.corpus);
  const int listener = bare::listen_pinned(arguments.port, arguments.cpu);
  ring::Cores cores(1);
  ring::UringOptions options;
  options.cpu = arguments.cpu;
  ring::UringProactor proactor(cores, {}, options);
  bare::Server server(proactor, corpus, listener);
  fmt::print("ready\n");
  std::fflush(stdout);
  proactor.run();
} catch (const std::exception& error) {
  fmt::print(stderr, "bare-connection: {}\n", error.what());
  return 1;
}
