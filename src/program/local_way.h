// program/local_way.h: Appender and MaildropReader on the files.
#pragma once

#include <memory>

#include "appender.h"
#include "local_store.h"

namespace ringpost::program {

std::unique_ptr<Appender> local_appender(LocalStore& store);
std::unique_ptr<MaildropReader> local_reader(LocalStore& store);
std::expected<void, std::string> local_compact(LocalStore& store, const std::string& account);

}  // namespace ringpost::program
