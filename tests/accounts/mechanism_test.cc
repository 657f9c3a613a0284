#include <argon2.h>
#include <array>
#include <gtest/gtest.h>

#include <ringpost/accounts/base64.h>
#include <ringpost/accounts/password_scheme.h>
#include <ringpost/accounts/plain.h>

namespace ringpost::accounts {
namespace {

using namespace std::string_view_literals;

TEST(Base64, GoesThereAndBackForEveryLength) {
  std::string octets;
  for (int length = 0; length < 70; ++length) {
    EXPECT_EQ(decode_base64(encode_base64(octets)), octets) << length;
    octets.push_back(static_cast<char>(length * 89 + 200));
  }
  EXPECT_EQ(encode_base64("foobar"), "Zm9vYmFy");  // RFC 4648, 10
  EXPECT_EQ(encode_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encode_base64("foob"), "Zm9vYg==");
}

// A010
TEST(Base64, RefusesForeignCharactersMisplacedPaddingAndBadLengths) {
  for (auto text : {"Zg"sv, "Zg="sv, "Z==="sv, "===="sv, "Zg==Zg=="sv, "Z=g="sv, "Zm9v\n"sv, "Zm 9v"sv, "Zm9v "sv,
                    "Zm9-"sv, "Zm9_"sv, "Zm9\0"sv, "Zh=="sv, "Zm9="sv, "*"sv, "="sv, "Zm9vY"sv, "Zm9vYg"sv})
    EXPECT_FALSE(decode_base64(text)) << text;
  EXPECT_EQ(decode_base64(""), "");
}

std::string plain(std::string_view text) {
  return encode_base64(text);
}

// R039: names and passwords of every length modulo three, with and without an authzid.
TEST(Plain, TakesNamesAndPasswordsOfEveryLength) {
  for (std::size_t name = 1; name < 8; ++name)
    for (std::size_t password = 0; password < 8; ++password)
      for (std::size_t authzid : {0U, 1U, 2U, 3U}) {
        const std::string text =
            std::string(authzid, 'z') + '\0' + std::string(name, 'n') + '\0' + std::string(password, 'p');
        const auto credentials = decode_plain(plain(text));
        ASSERT_TRUE(credentials);
        EXPECT_EQ(credentials->authorization, std::string(authzid, 'z'));
        EXPECT_EQ(credentials->authentication, std::string(name, 'n'));
        EXPECT_EQ(credentials->password.reveal(), std::string(password, 'p'));
      }
}

// A018
TEST(Plain, RefusesTheWrongNumberOfNulsAndAnEmptyAuthcid) {
  for (auto text :
       {""sv, "a"sv, "\0"sv, "\0a"sv, "a\0b"sv, "\0a\0b\0"sv, "\0\0\0"sv, "\0a\0b\0c"sv, "\0\0p"sv, "z\0\0p"sv})
    EXPECT_FALSE(decode_plain(plain(text))) << text.size();
}

TEST(Plain, KeepsSpacesAndUtf8) {
  const auto credentials = decode_plain(plain("\0j\xc3\xbcrgen\0 p\xc3\xa4ss w\xc3\xb6rd "sv));
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->authentication, "j\xc3\xbcrgen");
  EXPECT_EQ(credentials->password.reveal(), " p\xc3\xa4ss w\xc3\xb6rd ");
}

struct Known {
  const char* stored;
  const char* password;
};

// crypt and the digests by python3, the sha512, sha256 and bcrypt vectors are those of their specifications.
constexpr Known known[] = {
    {"{PLAIN}hunter 2", "hunter 2"},
    {"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
     "Hello world!"},
    {"{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
     "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
     "Hello world!"},
    {"{CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
    {"{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
    {"{SSHA}spXRFxNal2PaKC59rnOlyn0+WxFzYWx0", ""},
    {"{SSHA256}MiBKWPJ1JQtCfn9IyOCVrjIVaDjvjq7QEJ2338bLy6lOYUNs", "secret"},
    {"{SSHA512}iRjXxi6rhPYpuxX1j9XfoMia+YOZ6MBLltGn46bREX+b3os6Fh/Dl8WNN5YGrc4n7fSBhWch1IoYiLBEukHNAE5hQ2w=", "secret"},
    {"{YESCRYPT}$y$j75$AAAAAAAAAAAAAAAAAAAAA.$1Bbc537qfXgrt6ysZCMZMXsKb5/QgQWvzPN9GEnrAwC", "yes we can"},
};

TEST(PasswordScheme, TakesOverWhatOthersMade) {
  for (const auto& [stored, password] : known) {
    EXPECT_EQ(fault_of_secret(stored), nullptr) << stored;
    EXPECT_EQ(blocking_check_secret(stored, password), SchemeCheck::fits) << stored;
    EXPECT_EQ(blocking_check_secret(stored, std::string(password) + "x"), SchemeCheck::differs) << stored;
    EXPECT_EQ(blocking_check_secret(stored, std::string(password) + '\0' + "x"), SchemeCheck::differs) << stored;
  }
}

TEST(PasswordScheme, MakesArgon2idThatItTakes) {
  const std::string stored = blocking_make_argon2id("p\xc3\xa4ss w\xc3\xb6rd", {64, 1}, "0123456789abcdef");
  ASSERT_TRUE(stored.starts_with("{ARGON2ID}$argon2id$v=19$m=64,t=1,p=1$")) << stored;
  EXPECT_EQ(fault_of_secret(stored), nullptr);
  EXPECT_EQ(blocking_check_secret(stored, "p\xc3\xa4ss w\xc3\xb6rd"), SchemeCheck::fits);
  EXPECT_EQ(blocking_check_secret(stored, "p\xc3\xa4ss w\xc3\xb6rD"), SchemeCheck::differs);
  EXPECT_EQ(blocking_check_secret(stored.substr(10), "p\xc3\xa4ss w\xc3\xb6rd"), SchemeCheck::fits);  // no scheme
  EXPECT_TRUE(blocking_make_argon2id("x", {1, 1}, "0123456789abcdef").empty());
}

TEST(PasswordScheme, TakesArgon2idOfAnyCostOneAfterTheOther) {
  for (std::uint32_t memory_kib : {64u, 1024u, 64u, 80u * 1024, 32u}) {
    for (std::uint32_t lanes : {1u, 4u}) {
      std::array<char, 256> encoded{};
      ASSERT_EQ(argon2id_hash_encoded(1, memory_kib, lanes, "secret", 6, "0123456789abcdef", 16, 24, encoded.data(),
                                      encoded.size()),
                ARGON2_OK);
      const std::string stored = std::string("{ARGON2ID}") + encoded.data();
      EXPECT_EQ(fault_of_secret(stored), nullptr) << stored;
      EXPECT_EQ(blocking_check_secret(stored, "secret"), SchemeCheck::fits) << stored;
      EXPECT_EQ(blocking_check_secret(stored, "secreT"), SchemeCheck::differs) << stored;
      EXPECT_EQ(blocking_check_secret(stored, ""), SchemeCheck::differs) << stored;
    }
  }
}

TEST(PasswordScheme, ADamagedSecretIsBrokenAndNeverFits) {
  for (const char* stored : {"", "{", "{}", "{FOO}x", "x", "{SSHA}", "{SSHA256}AAAA", "{ARGON2ID}$argon2id$v=19$m=64",
                             "{CRYPT}", "{CRYPT}$6", "$argon2id$"}) {
    EXPECT_NE(fault_of_secret(stored), nullptr) << stored;
    EXPECT_NE(blocking_check_secret(stored, ""), SchemeCheck::fits) << stored;
    EXPECT_NE(blocking_check_secret(stored, "x"), SchemeCheck::fits) << stored;
  }
}

}  // namespace
}  // namespace ringpost::accounts
