// ringpost/sim/peer.h: a client's end of a simulated connection, for coroutines that play clients.
//
// It lives in the world, not in the server's process: crashes and restarts of the server are seen as resets. What it
// has received is its own. Owner: the client's coroutine; the destructor closes. Resumed from the world's events.
#pragma once

#include <coroutine>
#include <string>
#include <string_view>

#include <ringpost/sim/network.h>

namespace ringpost::sim {

class Peer {
 public:
  Peer(Network& network, Events& events, std::uint32_t host, std::uint16_t port);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool connected() const noexcept { return number_ != 0; }

  // Octets that the kernel did not take yet go out as room comes.
  void send(std::string_view octets);
  void finish_sending();  // half-close
  void reset();
  void go_silent();  // pulls the plug
  void close();

  // What has come and was not consumed. Reading is what makes room in the kernel's queue: it happens in more() only, so
  // a client that never awaits it is one that never reads.
  std::string& unread() noexcept { return unread_; }
  bool ended() const noexcept { return ended_; }  // the server has finished, or reset
  bool was_reset() const noexcept { return reset_; }
  // Has the server closed its end, or vanished? The world's knowledge, not the client's.
  bool server_closed() const noexcept;

  // Waits until more has come, the connection has ended, or the time has come. true: unread() has grown.
  class More {
   public:
    bool await_ready() noexcept { return peer_.take_in(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept;
    bool await_resume() noexcept { return peer_.grown_; }

   private:
    friend class Peer;
    More(Peer& peer, Instant deadline) : peer_(peer), deadline_(deadline) {}
    Peer& peer_;
    Instant deadline_;
  };
  More more(Instant deadline) noexcept { return {*this, deadline}; }

 private:
  bool take_in() noexcept;  // true: nothing to wait for
  void push_out();
  void woken(std::uint64_t turn);
  void something_came();

  Network& network_;
  Events& events_;
  SocketNumber number_ = 0;
  SocketNumber server_end_ = 0;
  std::string unread_;
  std::string unsent_;
  bool finishing_ = false;
  bool ended_ = false;
  bool reset_ = false;
  bool grown_ = false;
  std::coroutine_handle<> waiter_;
  std::uint64_t turn_ = 0;  // of waiting; a late timer finds another one
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// A pause in virtual time, outside of any core.
class Wait {
 public:
  Wait(Events& events, Duration duration) : events_(events), duration_(duration) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const {
    events_.after(duration_, [waiter] { waiter.resume(); });
  }
  void await_resume() const noexcept {}

 private:
  Events& events_;
  Duration duration_;
};

}  // namespace ringpost::sim
