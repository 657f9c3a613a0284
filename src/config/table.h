// config/table.h: the tables of the configuration file, each bound to its struct.
#pragma once

#include <string_view>
#include <vector>

#include "setting.h"

namespace ringpost::config {

// A key or table whose part is not built yet: refused by name, never silently accepted.
struct LaterName {
  std::string_view name;
  std::string_view part;  // what it belongs to
};

template <typename T>
struct Table {
  std::string_view name;
  std::string_view sentence;
  bool repeated = false;
  std::vector<Setting<T>> settings;
  std::vector<LaterName> later;
};

// accounts.backend has no field: there is one backend.
struct AccountsTable : Accounts {
  enum class Backend : std::uint8_t { file };
  Backend backend = Backend::file;
};

// log.format is a word in the file and a flag in the value.
struct LogTable : Log {
  enum class Format : std::uint8_t { text, json };
  Format format = Format::text;
};

const Table<Appliance>& appliance_table();
const Table<AccountsTable>& accounts_table();
const Table<Store>& store_table();
const Table<Store>& delivery_table();
const Table<Certificate>& certificate_table();
const Table<VirtualServer>& virtual_server_table();
const Table<Admin>& admin_table();
const Table<LogTable>& log_table();
const std::vector<LaterName>& later_tables();

}  // namespace ringpost::config
