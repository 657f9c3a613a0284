// real_store.h: a store on the real kernel and file system, one core, in a folder that goes away.
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <optional>
#include <unistd.h>

#include <ringpost/ring/uring_proactor.h>
#include <ringpost/store/names.h>

#include "people.h"

namespace ringpost::store {

class RealStore : public ::testing::Test {
 protected:
  RealStore() : proactor(cores, {&credentials, &files}, ring::UringOptions{}) {
    std::string pattern = (std::filesystem::temp_directory_path() / "ringpost-store-XXXXXX").string();
    if (!mkdtemp(pattern.data())) std::abort();
    path = pattern;
    data = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    settings.reserve = 0;
    begin();
  }
  ~RealStore() override {
    end();
    ::close(data);
    std::filesystem::remove_all(path);
  }

  // A process's life: what it knew is gone at its end.
  void begin() {
    maildrops.emplace(proactor, settings, data, events, std::span<Maildrops* const>(peers));
    peers[0] = &*maildrops;
    ASSERT_TRUE(run(maildrops->start()));
  }
  void end() {
    run(maildrops->drain());
    maildrops.reset();
    EXPECT_EQ(gate.count(), 0U);
  }
  void restart() {
    end();
    begin();
  }

  template <typename T>
  T run(ring::Task<T> task) {
    std::optional<T> result;
    ring::spawn(gate, into(std::move(task), result));
    proactor.run_until_idle();
    EXPECT_TRUE(result.has_value());
    return std::move(*result);
  }
  void run(ring::Task<void> task) {
    ring::spawn(gate, std::move(task));
    proactor.run_until_idle();
  }

  Stored deliver(std::string account, std::string raw) {
    return run(store::deliver(*maildrops, std::move(account), std::move(raw)));
  }
  Stored import(std::string account, std::string raw, std::uint8_t source, std::string uidl = {}) {
    return run(store::import(*maildrops, std::move(account), std::move(raw), source, std::move(uidl)));
  }
  Visit visit(std::string account, std::vector<std::uint32_t> deletes = {}) {
    return run(store::visit(proactor, *maildrops, std::move(account), std::move(deletes)));
  }

  std::string file_of(std::string_view account, std::string_view name) const {
    return path + '/' + folder_of(account).folder + '/' + std::string(name);
  }
  static std::string read_file(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write_file(const std::string& name, std::string_view octets) {
    std::ofstream(name, std::ios::binary | std::ios::trunc) << octets;
  }

  ring::Cores cores{1};
  ring::WorkerPool credentials{"credentials", 1, 4};
  ring::WorkerPool files{"files", 2, 64};
  ring::UringProactor proactor;
  ring::Gate gate;
  std::string path;
  ring::Descriptor data = ring::no_descriptor;
  config::Store settings;
  EventNames events;
  std::vector<Maildrops*> peers{nullptr};
  std::optional<Maildrops> maildrops;

 private:
  template <typename T>
  static ring::Task<void> into(ring::Task<T> task, std::optional<T>& result) {
    auto value = co_await std::move(task);
    result.emplace(std::move(value));
  }
};

}  // namespace ringpost::store
