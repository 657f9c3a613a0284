#include <utility>

#include <ringpost/control/core_call.h>

namespace ringpost::control {

ring::Task<void> CoreCall::run_and_return() {
  co_await run(*core_);
  ran_ = true;
  back_->post(*this);
}

// First on the core, then back where it came from.
void CoreCall::delivered() noexcept {
  if (!ran_) return ring::spawn(core_->calls, run_and_return());
  finished();
  delete this;
}

void CoreSet::call(ring::CoreIndex core, std::unique_ptr<CoreCall> call) noexcept {
  call->core_ = services_[core.value];
  call->back_ = &inbox_;
  cores_.post_from_outside(core, *call.release());
}

namespace {

struct OnEach {
  std::function<void(ring::CoreIndex, CoreServices&)> on_core;
  std::function<void()> then;
  std::uint32_t left = 0;
};

class OnOneCore final : public CoreCall {
 public:
  OnOneCore(ring::CoreIndex core, std::shared_ptr<OnEach> all) : index_(core), all_(std::move(all)) {}

  ring::Task<void> run(CoreServices& core) override {
    all_->on_core(index_, core);
    co_return;
  }
  void finished() noexcept override {
    if (--all_->left == 0 && all_->then) all_->then();
  }

 private:
  ring::CoreIndex index_;
  std::shared_ptr<OnEach> all_;
};

}  // namespace

void on_each_core(CoreSet& cores, std::function<void(ring::CoreIndex, CoreServices&)> on_core,
                  std::function<void()> then) {
  auto all = std::make_shared<OnEach>(OnEach{std::move(on_core), std::move(then), cores.count()});
  for (std::uint32_t core = 0; core < cores.count(); ++core)
    cores.call({core}, std::make_unique<OnOneCore>(ring::CoreIndex{core}, all));
}

}  // namespace ringpost::control
