// pool_task.h: an operation's way through a pool and back to its core.
#pragma once

#include <ringpost/ring/cores.h>
#include <ringpost/ring/operation.h>
#include <ringpost/ring/worker_pool.h>

namespace ringpost::ring {

// A file operation, done by blocking calls on the calling thread: what the ring has no opcode for.
std::int64_t blocking_file_operation(Operation&) noexcept;

class PoolTask final : public PoolWork, public Message {
 public:
  using Finished = void (*)(void* loop, PoolTask&) noexcept;
  PoolTask(Cores& cores, CoreIndex home, Finished finished, void* loop)
      : cores_(cores), home_(home), finished_(finished), loop_(loop) {}

  Operation* operation = nullptr;
  std::int64_t result = 0;

  void blocking_run() noexcept override {
    result = operation->kind == OpKind::job ? static_cast<Job*>(operation)->blocking_run()
                                            : blocking_file_operation(*operation);
    cores_.post_from_outside(home_, *this);  // from here on it is the core's
  }
  void delivered() noexcept override { finished_(loop_, *this); }

 private:
  Cores& cores_;
  CoreIndex home_;
  Finished finished_;
  void* loop_;
};

}  // namespace ringpost::ring
