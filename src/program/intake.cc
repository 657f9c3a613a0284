#include "intake.h"

#include <algorithm>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <ringpost/base/ensure.h>

namespace ringpost::program {

store::SourceId source_id(std::string_view kind, std::string_view name) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ensure(context && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1 &&
         EVP_DigestUpdate(context, kind.data(), kind.size()) == 1 && EVP_DigestUpdate(context, "", 1) == 1 &&
         EVP_DigestUpdate(context, name.data(), name.size()) == 1 && EVP_DigestFinal_ex(context, digest, nullptr) == 1);
  EVP_MD_CTX_free(context);
  store::SourceId id;
  std::transform(digest, digest + id.id.octets.size(), id.id.octets.begin(),
                 [](unsigned char octet) { return static_cast<std::byte>(octet); });
  return id;
}

void Intake::note(std::uint64_t count, std::string text) {
  if (count <= named_max) report_.notes.push_back(std::move(text));
}

void Intake::skip(std::string what) {
  note(++report_.skipped, "skipped: " + std::move(what));
}

void Intake::fail(std::string what) {
  note(++report_.failed, "not imported: " + std::move(what));
}

void Intake::take(std::unique_ptr<Prepared> message, std::uint64_t source_octets) {
  ++report_.found;
  source_octets_ += source_octets;
  if (options_.keep_uidl) {
    if (message->uidl.empty()) {
      note(++report_.uidl_unknown, fmt::format("no UIDL known: {}", message->origin));
    } else if (!store::is_valid_uidl(message->uidl)) {
      note(++report_.uidl_replaced, fmt::format("its UIDL is no valid one and gets replaced: {}", message->origin));
      message->uidl.clear();
    }
  } else {
    message->uidl.clear();
  }
  if (options_.dry_run) {
    report_.octets += message->octets;
    if (!message->uidl.empty()) ++report_.uidl_kept;
    progress_.done(source_octets_, report_.found);
    return;
  }
  while (appender_.under_way() >= in_flight_max) settle_one();
  appender_.submit(options_.account, std::move(message));
  progress_.done(source_octets_, report_.found);
}

void Intake::settle_one() {
  auto outcome = appender_.next();
  if (!outcome) return;
  if (!*outcome) return fail(outcome->error());
  auto& [message, already_there, uidl_replaced, uidl] = **outcome;
  if (already_there) {
    ++report_.already_there;
    return;
  }
  ++report_.added;
  report_.octets += message->octets;
  if (message->uidl.empty()) return;
  if (uidl_replaced)
    note(++report_.uidl_replaced,
         fmt::format("its UIDL {} is taken here, it got {}: {}", message->uidl, uidl, message->origin));
  else
    ++report_.uidl_kept;
}

void Intake::finish() {
  while (appender_.under_way() > 0) settle_one();
}

}  // namespace ringpost::program
