#include <algorithm>
#include <argon2.h>
#include <array>
#include <crypt.h>
#include <cstring>
#include <memory>
#include <openssl/evp.h>
#include <optional>

#include <ringpost/accounts/base64.h>
#include <ringpost/accounts/password_scheme.h>
#include <ringpost/accounts/secret.h>

#include "argon2id.h"

namespace ringpost::accounts {

const char* const schemes_known =
    "{ARGON2ID} {CRYPT} {YESCRYPT} {SHA512-CRYPT} {SHA256-CRYPT} {BLF-CRYPT} {SSHA} {SSHA256} {SSHA512} {PLAIN}";

namespace {

enum class Scheme : std::uint8_t { unknown, argon2id, crypt, ssha, ssha256, ssha512, plain };

struct SchemeName {
  std::string_view name;
  Scheme scheme;
};
constexpr SchemeName scheme_names[] = {
    {"ARGON2ID", Scheme::argon2id},  {"CRYPT", Scheme::crypt},        {"YESCRYPT", Scheme::crypt},
    {"SHA512-CRYPT", Scheme::crypt}, {"SHA256-CRYPT", Scheme::crypt}, {"BLF-CRYPT", Scheme::crypt},
    {"SSHA", Scheme::ssha},          {"SSHA256", Scheme::ssha256},    {"SSHA512", Scheme::ssha512},
    {"PLAIN", Scheme::plain},        {"CLEARTEXT", Scheme::plain},
};

struct Split {
  Scheme scheme = Scheme::unknown;
  std::string_view data;
};

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return (x >= 'a' && x <= 'z' ? static_cast<char>(x - 32) : x) == y;
         });
}

Split split(std::string_view stored) {
  if (stored.starts_with('$')) return {stored.starts_with("$argon2id$") ? Scheme::argon2id : Scheme::crypt, stored};
  const std::size_t end = stored.find('}');
  if (!stored.starts_with('{') || end == std::string_view::npos) return {};
  const std::string_view name = stored.substr(1, end - 1);
  for (const auto& row : scheme_names)
    if (same_word(name, row.name)) return {row.scheme, stored.substr(end + 1)};
  return {};
}

struct Digest {
  const EVP_MD* type;
  std::size_t octets;
};

Digest digest_of(Scheme scheme) {
  switch (scheme) {
    case Scheme::ssha:
      return {EVP_sha1(), 20};
    case Scheme::ssha256:
      return {EVP_sha256(), 32};
    default:
      return {EVP_sha512(), 64};
  }
}

// {SSHA*}: base64 of digest and salt, the digest over password and salt.
SchemeCheck check_salted(Scheme scheme, std::string_view data, std::string_view password) {
  const Digest digest = digest_of(scheme);
  const auto octets = decode_base64_unpadded(data);
  if (!octets || octets->size() < digest.octets) return SchemeCheck::broken;
  const std::string_view salt = std::string_view(*octets).substr(digest.octets);
  std::array<char, EVP_MAX_MD_SIZE> found{};
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const bool done = context && EVP_DigestInit_ex(context.get(), digest.type, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), password.data(), password.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), salt.data(), salt.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(found.data()), nullptr) == 1;
  if (!done) return SchemeCheck::broken;
  const std::string_view wanted = std::string_view(*octets).substr(0, digest.octets);
  return equal_in_constant_time({found.data(), digest.octets}, wanted) ? SchemeCheck::fits : SchemeCheck::differs;
}

SchemeCheck check_crypt(std::string_view data, std::string_view password) {
  const std::string setting(data);
  std::string phrase(password);
  // crypt reads up to a NUL: a password that holds one would be checked by its beginning only.
  const bool whole = phrase.find('\0') == std::string::npos && phrase.size() < CRYPT_MAX_PASSPHRASE_SIZE;
  if (!whole) phrase.clear();
  auto room = std::make_unique<crypt_data>();
  std::memset(room.get(), 0, sizeof(crypt_data));
  const char* found = crypt_r(phrase.c_str(), setting.c_str(), room.get());
  SchemeCheck result = SchemeCheck::broken;
  if (found && found[0] != '*')
    result = equal_in_constant_time(found, setting) && whole ? SchemeCheck::fits : SchemeCheck::differs;
  explicit_bzero(room.get(), sizeof(crypt_data));
  explicit_bzero(phrase.data(), phrase.size());
  return result;
}

// "$argon2id$v=19$m=19456,t=2,p=1$salt$hash": five fields, the last two base64.
bool argon2id_form(std::string_view data) {
  if (!data.starts_with("$argon2id$v=")) return false;
  if (std::count(data.begin(), data.end(), '$') != 5) return false;
  const std::size_t hash_at = data.rfind('$');
  const std::size_t salt_at = data.rfind('$', hash_at - 1);
  const auto salt = decode_base64_unpadded(data.substr(salt_at + 1, hash_at - salt_at - 1));
  const auto hash = decode_base64_unpadded(data.substr(hash_at + 1));
  return salt && salt->size() >= 8 && hash && hash->size() >= 4;
}

}  // namespace

SchemeCheck blocking_check_secret(std::string_view stored, std::string_view password) {
  const Split parts = split(stored);
  switch (parts.scheme) {
    case Scheme::argon2id:
      return blocking_check_argon2id(parts.data, password);
    case Scheme::crypt:
      return check_crypt(parts.data, password);
    case Scheme::plain:
      return equal_in_constant_time(parts.data, password) ? SchemeCheck::fits : SchemeCheck::differs;
    case Scheme::ssha:
    case Scheme::ssha256:
    case Scheme::ssha512:
      return check_salted(parts.scheme, parts.data, password);
    case Scheme::unknown:
      break;
  }
  return SchemeCheck::broken;
}

const char* fault_of_secret(std::string_view stored) {
  const Split parts = split(stored);
  switch (parts.scheme) {
    case Scheme::unknown:
      return "no known scheme";
    case Scheme::argon2id:
      return argon2id_form(parts.data) ? nullptr : "not what argon2id writes";
    case Scheme::plain:
      return parts.data.empty() ? "an empty password" : nullptr;
    case Scheme::crypt: {
      // What does not begin with `$` is the old DES form, always 13 characters; crypt would look at two of them only.
      if (!parts.data.starts_with('$') && parts.data.size() != 13) return "nothing that crypt wrote";
      const int verdict = crypt_checksalt(std::string(parts.data).c_str());
      return verdict == CRYPT_SALT_INVALID || verdict == CRYPT_SALT_METHOD_DISABLED
                 ? "nothing that this machine's crypt knows"
                 : nullptr;
    }
    default: {
      const auto octets = decode_base64_unpadded(parts.data);
      return octets && octets->size() >= digest_of(parts.scheme).octets ? nullptr : "a digest that is cut or garbled";
    }
  }
}

std::string blocking_make_argon2id(std::string_view password, const Argon2Cost& cost, std::string_view salt) {
  constexpr std::uint32_t hash_octets = 32;
  std::string encoded(argon2_encodedlen(cost.passes, cost.memory_kib, 1, static_cast<std::uint32_t>(salt.size()),
                                        hash_octets, Argon2_id),
                      '\0');
  const int result = argon2id_hash_encoded(cost.passes, cost.memory_kib, 1, password.data(), password.size(),
                                           salt.data(), salt.size(), hash_octets, encoded.data(), encoded.size());
  if (result != ARGON2_OK) return {};
  encoded.resize(std::strlen(encoded.c_str()));
  return "{ARGON2ID}" + encoded;
}

}  // namespace ringpost::accounts
