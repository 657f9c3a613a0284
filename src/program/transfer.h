// program/transfer.h: import and export, told apart from how messages reach the store (program/appender.h).
//
// A second import adds nothing twice and brings back nothing that a client deleted: every message bears a source id
// (M17): a Maildir's unique name, an mbox message's content with its ordinal among equals, a Cyrus UIDVALIDITY and UID.
// Blocking; one thread. Errors that concern one message are counted and named in the report; the rest goes on.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include <ringpost/store/foreign_uidl.h>
#include <ringpost/store/mbox.h>

#include "appender.h"

namespace ringpost::program {

struct ImportOptions {
  std::string account;
  std::string path;
  bool keep_uidl = false;
  std::string dovecot_uidl_format{store::dovecot_uidl_format_default};
  store::CyrusFormat cyrus_format = store::CyrusFormat::cyrus;
  store::MboxQuoting mbox_quoting = store::MboxQuoting::mboxrd;
  bool skip_trashed = false;  // Maildir's T flag: imported like all others unless asked
  bool replace_nul = false;   // M20, the store's key
  bool dry_run = false;
};

// How a long work shows itself; the program's is a bar on a terminal and nothing elsewhere.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void begins(std::uint64_t octets_in_all) = 0;
  virtual void done(std::uint64_t octets_so_far, std::uint64_t messages_so_far) = 0;
};

inline constexpr std::size_t named_max = 100;  // reports name so many of a kind, and count the rest

struct ImportReport {
  std::uint64_t found = 0;
  std::uint64_t added = 0;
  std::uint64_t already_there = 0;
  std::uint64_t octets = 0;  // of what was added, as LIST counts
  std::uint64_t uidl_kept = 0;
  std::uint64_t uidl_unknown = 0;   // the old server had none: clients will download these again
  std::uint64_t uidl_replaced = 0;  // wanted, but invalid or taken: the same
  std::uint64_t skipped = 0;        // entries that are no mail, or not wanted
  std::uint64_t failed = 0;
  std::uint64_t doubts = 0;        // mbox: lines that one may read otherwise
  std::vector<std::string> notes;  // in words, at most named_max of each kind
};

// The error is a reason for which nothing at all could be done.
std::expected<ImportReport, std::string> import_maildir(const ImportOptions&, Appender&, Progress&);
std::expected<ImportReport, std::string> import_mbox(const ImportOptions&, Appender&, Progress&);

struct ExportOptions {
  std::string account;
  std::string path;   // Maildir: a folder, made if missing. mbox: a file that must not exist
  bool crlf = false;  // keep CRLF line ends; else LF, as both formats have them on Unix
};
struct ExportReport {
  std::uint64_t written = 0;
  std::uint64_t already_there = 0;  // Maildir: written by an earlier export
  std::uint64_t failed = 0;
  std::vector<std::string> notes;
};

// A Maildir gets a dovecot-uidlist with every UIDL, so that the way back loses none.
std::expected<ExportReport, std::string> export_maildir(const ExportOptions&, MaildropReader&, Progress&);
std::expected<ExportReport, std::string> export_mbox(const ExportOptions&, MaildropReader&, Progress&);

}  // namespace ringpost::program
