#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>
#include <utility>

#include <ringpost/store/foreign_uidl.h>
#include <ringpost/store/maildir.h>
#include <ringpost/store/plain_form.h>

#include "intake.h"
#include "source_file.h"
#include "transfer.h"

namespace ringpost::program {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int value() const noexcept { return value_; }
  bool open() const noexcept { return value_ >= 0; }

 private:
  int value_;
};

std::unexpected<std::string> failed(const std::string& what) {
  return std::unexpected(fmt::format("{}: {}", what, std::strerror(errno)));
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    auto put = ::write(descriptor, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

// One message's plain form into a file; the error in words.
std::expected<void, std::string> write_message(MaildropReader& reader, std::uint32_t number, bool crlf,
                                               int descriptor) {
  store::PlainFormer former(crlf);
  std::string text;
  bool written = true;
  auto read = reader.read(number, [&](Octets piece) {
    text.clear();
    former.feed(piece, text);
    written = written && write_all(descriptor, text);
  });
  if (!read) return read;
  text.clear();
  former.finish(text);
  if (!written || !write_all(descriptor, text)) return failed("write");
  return {};
}

// The same message gets the same name in every export, so that a second one adds nothing twice.
std::string maildir_file_name(const Listed& message) {
  auto id = source_id("export", message.uidl);
  return fmt::format("{}.U{}.ringpost", message.received.microseconds / 1'000'000, hex(id.id.octets));
}

std::unordered_set<std::string> unique_names(int folder) {
  std::unordered_set<std::string> names;
  for (const char* sub : {"cur", "new"}) {
    int descriptor = ::openat(folder, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = descriptor < 0 ? nullptr : ::fdopendir(descriptor);
    if (!stream) continue;
    while (dirent* entry = ::readdir(stream)) names.emplace(store::maildir_name(entry->d_name).unique);
    ::closedir(stream);
  }
  return names;
}

std::expected<void, std::string> export_one(int folder, const Listed& message, const std::string& name, bool crlf,
                                            MaildropReader& reader) {
  auto temporary = "tmp/" + name;
  ::unlinkat(folder, temporary.c_str(), 0);  // of an export that was stopped
  Descriptor file(::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.open()) return failed(temporary);
  auto given_up = [&](std::expected<void, std::string> error) {
    ::unlinkat(folder, temporary.c_str(), 0);
    return error;
  };
  if (auto written = write_message(reader, message.number, crlf, file.value()); !written) return given_up(written);
  timespec times[2];
  times[0].tv_sec = times[1].tv_sec = message.received.microseconds / 1'000'000;
  times[0].tv_nsec = times[1].tv_nsec = message.received.microseconds % 1'000'000 * 1000;
  if (::futimens(file.value(), times) != 0 || ::fsync(file.value()) != 0) return given_up(failed(temporary));
  if (::renameat(folder, temporary.c_str(), folder, ("new/" + name).c_str()) != 0) return given_up(failed(temporary));
  return {};
}

// A list that is there already may be in use by the server that reads this Maildir, so it stays as it is. What it does
// not know is told: clients would download those again.
std::expected<void, std::string> compare_uidlist(int folder, const std::vector<Listed>& messages) {
  auto file = SourceFile::open(folder, "dovecot-uidlist");
  if (!file) return std::unexpected(fmt::format("dovecot-uidlist: {}", reason_of(file.error())));
  auto content = file->read_whole();
  if (!content) return std::unexpected(fmt::format("dovecot-uidlist: {}", reason_of(content.error())));
  auto known = store::read_dovecot_uidlist(*content, store::dovecot_uidl_format_default);
  if (!known) return std::unexpected(fmt::format("dovecot-uidlist: {}", known.error()));
  std::uint64_t lacking = 0;
  for (auto& message : messages) {
    auto found = known->find(maildir_file_name(message));
    if (found == known->end() || found->second.uidl != message.uidl) ++lacking;
  }
  if (lacking == 0) return {};
  return std::unexpected(fmt::format(
      "dovecot-uidlist was there already and is left as it is: it lacks the UIDLs of {} messages; export into a new "
      "folder to have them all",
      lacking));
}

// Dovecot's own list with the UIDLs that clients know (its P field), so that moving back loses none.
std::expected<void, std::string> write_uidlist(int folder, const std::vector<Listed>& messages) {
  Descriptor file(::openat(folder, "dovecot-uidlist", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.open() && errno == EEXIST) return compare_uidlist(folder, messages);
  if (!file.open()) return failed("dovecot-uidlist");
  auto now = static_cast<std::uint64_t>(std::time(nullptr));
  std::string text = fmt::format("3 V{} N{} G{}\n", now, messages.size() + 1,
                                 hex(source_id("uidlist", fmt::format("{}", now)).id.octets));
  for (std::size_t i = 0; i < messages.size(); ++i)
    text += fmt::format("{} P{} :{}\n", i + 1, messages[i].uidl, maildir_file_name(messages[i]));
  if (write_all(file.value(), text) && ::fsync(file.value()) == 0) return {};
  auto error = failed("dovecot-uidlist");
  ::unlinkat(folder, "dovecot-uidlist", 0);
  return error;
}

std::uint64_t octets_in_all(const std::vector<Listed>& messages) {
  std::uint64_t octets = 0;
  for (auto& message : messages) octets += message.octets;
  return octets;
}

// Adds one ">" to lines that begin with "From ", ">From ", ">>From " and so on (mboxrd).
class MboxWriter {
 public:
  explicit MboxWriter(int descriptor) : descriptor_(descriptor) {}

  void feed(std::string_view text) {
    while (!text.empty()) {
      auto end = text.find('\n');
      bool whole = end != std::string_view::npos;
      auto part = text.substr(0, whole ? end + 1 : text.size());
      text.remove_prefix(part.size());
      if (deciding_) {
        start_ += part;
        if (whole || decidable()) put_start();
      } else {
        put(part);
      }
      if (whole) deciding_ = true;
      line_open_ = !whole;
    }
  }

  // The last line's end if it lacks one, and the empty line between messages.
  bool finish() {
    put_start();
    put(line_open_ ? "\n\n" : "\n");
    return good_;
  }

 private:
  static constexpr std::string_view from = "From ";
  static constexpr std::size_t marks_max = 4096;  // a line of more ">" is no quoted separator

  std::size_t marks() const { return std::min(start_.find_first_not_of('>'), start_.size()); }
  bool decidable() const { return start_.size() >= marks() + from.size() || marks() > marks_max; }
  void put_start() {
    if (std::string_view(start_).substr(marks()).starts_with(from)) put(">");
    put(start_);
    start_.clear();
    deciding_ = false;
  }
  void put(std::string_view text) { good_ = good_ && write_all(descriptor_, text); }

  int descriptor_;
  std::string start_;
  bool deciding_ = true;
  bool line_open_ = false;
  bool good_ = true;
};

std::string mbox_separator(WallTime received) {
  std::time_t seconds = received.microseconds / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char date[32];
  std::strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &parts);
  return fmt::format("From MAILER-DAEMON {}\n", date);
}

}  // namespace

std::expected<ExportReport, std::string> export_maildir(const ExportOptions& options, MaildropReader& reader,
                                                        Progress& progress) {
  auto messages = reader.list(options.account);
  if (!messages) return std::unexpected(messages.error());
  if (::mkdir(options.path.c_str(), 0700) != 0 && errno != EEXIST) return failed(options.path);
  Descriptor folder(::open(options.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.open()) return failed(options.path);
  for (const char* sub : {"cur", "new", "tmp"})
    if (::mkdirat(folder.value(), sub, 0700) != 0 && errno != EEXIST) return failed(options.path + "/" + sub);

  ExportReport report;
  auto there = unique_names(folder.value());
  progress.begins(octets_in_all(*messages));
  std::uint64_t octets = 0;
  for (auto& message : *messages) {
    auto name = maildir_file_name(message);
    octets += message.octets;
    if (there.contains(name)) {
      ++report.already_there;
    } else if (auto done = export_one(folder.value(), message, name, options.crlf, reader); done) {
      ++report.written;
    } else if (++report.failed <= named_max) {
      report.notes.push_back(fmt::format("message {} ({}): {}", message.number, message.uidl, done.error()));
    }
    progress.done(octets, report.written + report.already_there);
  }
  if (auto listed = write_uidlist(folder.value(), *messages); !listed) report.notes.push_back(listed.error());
  Descriptor fresh(::openat(folder.value(), "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fresh.open() || ::fsync(fresh.value()) != 0 || ::fsync(folder.value()) != 0) return failed(options.path);
  return report;
}

std::expected<ExportReport, std::string> export_mbox(const ExportOptions& options, MaildropReader& reader,
                                                     Progress& progress) {
  auto messages = reader.list(options.account);
  if (!messages) return std::unexpected(messages.error());
  Descriptor file(::open(options.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.open()) return failed(options.path);
  // What stops in the middle leaves no file that looks like a whole mailbox and bars the next attempt.
  auto given_up = [&]() -> std::unexpected<std::string> {
    auto error = failed(options.path);
    ::unlink(options.path.c_str());
    return error;
  };
  ExportReport report;
  progress.begins(octets_in_all(*messages));
  std::uint64_t octets = 0;
  for (auto& message : *messages) {
    if (!write_all(file.value(), mbox_separator(message.received))) return given_up();
    MboxWriter writer(file.value());
    store::PlainFormer former(false);
    std::string text;
    auto read = reader.read(message.number, [&](Octets piece) {
      text.clear();
      former.feed(piece, text);
      writer.feed(text);
    });
    text.clear();
    former.finish(text);
    writer.feed(text);
    if (!writer.finish()) return given_up();
    if (read)
      ++report.written;
    else if (++report.failed <= named_max)
      report.notes.push_back(
          fmt::format("message {} ({}) is not whole: {}", message.number, message.uidl, read.error()));
    progress.done(octets += message.octets, report.written);
  }
  if (::fsync(file.value()) != 0) return given_up();
  return report;
}

}  // namespace ringpost::program
