// control/admin_connection.h: one client of the control socket, from its first request to its end.
//
// Requests are answered in their order, one at a time; only appends are under way together, and their answers, which
// bear the request's number, come as they are durable. Belongs to the control thread; calls to cores keep it alive.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include <ringpost/control/appliance.h>
#include <ringpost/control/core_call.h>
#include <ringpost/control/loop.h>
#include <ringpost/control/store_calls.h>

namespace ringpost::control {

class AdminConnection : public std::enable_shared_from_this<AdminConnection> {
 public:
  struct Surroundings {
    Loop& loop;
    CoreSet& cores;
    Appliance& appliance;
  };
  AdminConnection(const Surroundings& around, int socket, ring::CoreIndex core, std::function<void()> gone);
  ~AdminConnection();

  void start();
  // Takes no further request; ends when what is under way has come back, or when its client takes nothing of it.
  void close();

 private:
  using Json = nlohmann::json;

  // --- In and out (admin_connection.cc) ---
  void ready(short events);
  void receive();
  void go_on();  // with what was received, as far as it may
  bool take_stream();
  void reply(const Json& answer);
  void reply_octets(std::string_view octets) { outgoing_ += octets; }
  void refuse(const std::string& error, const Json& id = nullptr);
  void send();
  void update_watch();
  void answered();  // the request that was busy: the next one may begin
  void end_if_done();
  void end_if_stuck(std::uint64_t taken_before);

  // --- Requests (admin_requests.cc, admin_store.cc) ---
  void take_line(std::string_view line);
  void status();
  void sessions();
  void kick(const Json& request);
  void end_sessions(std::function<std::uint32_t(pop3::SessionList&)> end,
                    std::function<std::uint32_t(pop3::SessionList&)> otherwise = nullptr);
  void forget(const Json& request);
  void reload();
  void reload_accounts();
  void begin_append(const Json& request);
  void append();
  void open_reader(const Json& request);
  void list();
  void list_on(std::size_t from);
  void read(const Json& request);
  void read_on();
  void wait_for_room(std::function<void()> then);
  void close_reader();
  void care(const std::string& verb, const Json& request);
  template <typename Report>
  void care_with(typename MaildropCall<Report>::Work work, std::string account);

  Surroundings around_;
  int socket_;
  const ring::CoreIndex core_;  // where its appends go: one core, so that their order is kept
  std::function<void()> gone_;
  std::string received_;
  std::string outgoing_;
  bool busy_ = false;           // a request waits for its answer
  bool closing_ = false;        // no further request
  bool peer_finished_ = false;  // it sends no more; answers can still reach it
  bool peer_gone_ = false;
  std::uint64_t taken_ = 0;  // octets of answers that the client's socket took
  Loop::Clock::time_point taken_at_ = Loop::Clock::now();

  std::unique_ptr<AppendJob> arriving_;  // its stream is being received
  std::uint64_t arriving_left_ = 0;
  Json arriving_id_;
  std::size_t appends_ = 0;
  std::size_t append_octets_ = 0;

  std::unique_ptr<Reader> reader_;
  std::uint64_t read_at_ = 0;  // the octets of the log that are being sent
  std::uint64_t read_end_ = 0;
};

}  // namespace ringpost::control
