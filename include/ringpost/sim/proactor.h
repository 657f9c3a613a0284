// ringpost/sim/proactor.h: the seam, simulated: one core of a process in a simulated world.
//
// Same interface, same queue between cores, table of operations and timer wheel as the real one; behind it stand the
// world's disk, network and clock. The core handles one thing at a time (messages, a completion, timers), each an event
// of its own, so that other cores, the network or a crash may come between any two. Owner: the world; a process that
// died keeps its proactors (nobody runs on them again, nothing in flight is touched), so that its frames stay whole.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <ringpost/ring/core_queue.h>
#include <ringpost/ring/operation_table.h>
#include <ringpost/ring/proactor.h>
#include <ringpost/ring/timer_wheel.h>
#include <ringpost/sim/disk.h>
#include <ringpost/sim/network.h>

namespace ringpost::sim {

class SimWorld;
class Process;
struct DescriptorEntry;

class SimProactor final : public ring::Proactor {
 public:
  SimProactor(SimWorld& world, Process& process, std::uint32_t core);
  ~SimProactor() override;

  ring::CoreIndex core() const noexcept override { return {core_}; }
  std::uint32_t cores() const noexcept override;
  Instant now() const noexcept override;
  WallTime wall() const noexcept override;
  void fill_random(MutableOctets) noexcept override;
  void start(ring::Operation&) noexcept override;
  void cancel(ring::Operation&) noexcept override;
  void return_buffer(std::uint16_t buffer) noexcept override;
  void arm(ring::Timer&, Instant due) noexcept override;
  void disarm(ring::Timer&) noexcept override;
  void post(ring::CoreIndex to, ring::Message&) noexcept override;
  std::int64_t send_now(ring::Descriptor socket, Octets) noexcept override;
  std::int64_t send_file_now(ring::Descriptor socket, ring::Descriptor file, std::uint64_t offset,
                             std::uint64_t octets) noexcept override;
  std::int64_t peek_unacknowledged(ring::Descriptor socket) noexcept override;
  ring::PeerState peek_peer(ring::Descriptor socket) noexcept override;
  void begin_probing(ring::Descriptor socket) noexcept override;
  int peek_address(ring::Descriptor socket, bool peer, sockaddr_storage&) noexcept override;
  int finish_sending(ring::Descriptor socket) noexcept override;
  int reset_on_close(ring::Descriptor socket) noexcept override;
  void close(ring::Descriptor) noexcept override;
  std::int64_t read_now(ring::Descriptor file, std::uint64_t offset, MutableOctets) noexcept override;
  ring::Mapping map(ring::Descriptor file, std::uint64_t length) noexcept override;
  void unmap(ring::Mapping) noexcept override;
  bool peek_resident(const ring::Mapping&, std::uint64_t offset, std::uint64_t length) noexcept override;

  // --- For the world and its tests -----------------------------------------------------------------------------------
  // Runs this on the core, in a turn of its own.
  void run_soon(Events::Action action);
  bool sleeps_on_messages() const noexcept;  // must never be
  std::uint32_t operations_in_flight() const noexcept { return table_.in_flight(); }
  std::uint32_t timers_armed() const noexcept { return wheel_.armed(); }
  std::uint32_t buffers_lent() const noexcept;
  void effects_at_death(bool machine);  // what was in flight happens now, or not

 private:
  struct Ready {
    std::uint64_t tag;
    ring::Completion completion;
  };

  void wake() noexcept;
  void turn();
  void handle(Ready ready);
  void wake_at(std::optional<Instant> due);
  void complete(std::uint64_t tag, ring::Completion completion);
  void end(std::uint64_t tag, std::int64_t result);  // of a network operation, unless it has ended already
  void complete(std::uint64_t tag, std::int64_t result) { complete(tag, ring::Completion{.result = result}); }
  void after(Duration wait, Events::Action action);

  void start_file(ring::Operation&, std::uint64_t tag);
  void file_effect(std::uint64_t tag);
  std::int64_t effect_of(ring::Operation&);
  std::int64_t effect_on_names(ring::Operation&);
  std::int64_t read_vectors(ring::Operation&);
  std::int64_t write_vectors(ring::Operation&);
  std::int64_t copy(ring::Operation&);
  void run_job(std::uint64_t tag);

  void start_accept(ring::Operation&, std::uint64_t tag);
  void try_accept(std::uint64_t tag);
  void start_receive(ring::Operation&, std::uint64_t tag);
  void try_receive(std::uint64_t tag);
  void start_output(ring::Operation&, std::uint64_t tag);
  void try_output(std::uint64_t tag);
  void start_connect(ring::Operation&, std::uint64_t tag);
  Socket* socket_of(ring::Descriptor);
  DescriptorEntry* file_of(ring::Descriptor);

  SimWorld& world_;
  Process& process_;
  std::uint32_t core_;
  ring::CoreQueue queue_;
  ring::OperationTable table_;
  ring::TimerWheel wheel_;
  std::deque<Ready> ready_;
  std::deque<Events::Action> soon_;
  std::map<std::uint64_t, SyncBegun> effects_to_come_;  // by tag; file operations that have not come about
  std::set<std::uint64_t> armed_;                       // tags of network operations that have not ended
  std::vector<std::vector<std::byte>> buffers_;
  std::vector<std::uint16_t> buffers_free_;
  bool asleep_ = false;
  bool turn_due_ = false;
  std::optional<Instant> wakes_at_;
};

}  // namespace ringpost::sim
