// Import from a Maildir, or from a Cyrus spool folder (which is known by its cyrus.index).

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>

#include <ringpost/store/maildir.h>

#include "intake.h"
#include "source_file.h"

namespace ringpost::program {
namespace {

struct Entry {
  std::string folder;  // "cur", "new" or "" (Cyrus)
  std::string file;
  std::string identity;  // for the source id
  std::string_view kind;
  std::string uidl;
  WallTime received;  // zero: the file's modification time
  std::uint64_t order = UINT64_MAX;
};

// The names in an open folder, without "." and ".."; the error is errno.
std::expected<std::vector<std::string>, int> names_in(int folder) {
  auto descriptor = open_folder(folder, ".");
  if (!descriptor) return std::unexpected(descriptor.error());
  DIR* stream = ::fdopendir(*descriptor);
  if (!stream) {
    int error = errno;
    ::close(*descriptor);
    return std::unexpected(error);
  }
  std::vector<std::string> names;
  errno = 0;
  while (dirent* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
    errno = 0;
  }
  int error = errno;
  ::closedir(stream);
  if (error != 0) return std::unexpected(error);
  return names;
}

// A Maildir or a spool folder, and those of its subfolders that were asked for. A subfolder that is a symbolic link is
// refused: the owner of a Maildir would get another one's mail when root imports it.
class Folder {
 public:
  explicit Folder(int descriptor) : descriptor_(descriptor) {}
  Folder(const Folder&) = delete;
  ~Folder() {
    for (auto& [name, descriptor] : opened_) ::close(descriptor);
    ::close(descriptor_);
  }

  // "" is the folder itself; the error is errno.
  std::expected<int, int> inside(const std::string& name) {
    if (name.empty()) return descriptor_;
    if (auto found = opened_.find(name); found != opened_.end()) return found->second;
    auto descriptor = open_folder(descriptor_, name);
    if (descriptor) opened_.emplace(name, *descriptor);
    return descriptor;
  }
  std::expected<std::vector<std::string>, int> names(const std::string& name) {
    auto folder = inside(name);
    if (!folder) return std::unexpected(folder.error());
    return names_in(*folder);
  }

  // A file's content where there is such a file; an error in words where it cannot be read.
  std::expected<std::optional<std::string>, std::string> content(const std::string& name) const {
    auto file = SourceFile::open(descriptor_, name);
    if (!file && file.error() == ENOENT) return std::nullopt;
    if (!file) return std::unexpected(fmt::format("{}: {}", name, reason_of(file.error())));
    auto whole = file->read_whole();
    if (!whole) return std::unexpected(fmt::format("{}: {}", name, reason_of(whole.error())));
    return *std::move(whole);
  }

 private:
  int descriptor_;
  std::unordered_map<std::string, int> opened_;
};

using Entries = std::expected<std::vector<Entry>, std::string>;

// UIDLs of a Maildir: Dovecot's list where there is one, else Courier's, else none.
std::expected<store::ForeignUidls, std::string> known_uidls(const Folder& folder, const ImportOptions& options) {
  if (!options.keep_uidl) return {};
  struct Source {
    const char* file;
    std::expected<store::ForeignUidls, std::string> (*read)(std::string_view, const ImportOptions&);
  };
  static constexpr Source sources[] = {{"dovecot-uidlist",
                                        [](std::string_view text, const ImportOptions& o) {
                                          return store::read_dovecot_uidlist(text, o.dovecot_uidl_format);
                                        }},
                                       {"courierpop3dsizelist", [](std::string_view text, const ImportOptions&) {
                                          return store::read_courier_list(text);
                                        }}};
  for (auto& source : sources) {
    auto content = folder.content(source.file);
    if (!content) return std::unexpected(content.error());
    if (!*content) continue;
    auto uidls = source.read(**content, options);
    if (!uidls) return std::unexpected(fmt::format("{}/{}: {}", options.path, source.file, uidls.error()));
    return uidls;
  }
  return std::unexpected(
      fmt::format("{}: --keep-uidl finds neither dovecot-uidlist nor courierpop3dsizelist there", options.path));
}

Entries maildir_entries(Folder& folder, const ImportOptions& options, Intake& intake) {
  auto uidls = known_uidls(folder, options);
  if (!uidls) return std::unexpected(uidls.error());
  std::vector<Entry> entries;
  std::unordered_set<std::string> seen;
  int missing = 0;  // a Maildir that git or an archiver brought has no empty folders
  // Looked at in this order: what a mail program moves meanwhile from new to cur shows in both, never in none.
  auto in_new = folder.names("new");
  for (std::string sub : {"cur", "new"}) {
    auto names = sub == "new" ? std::move(in_new) : folder.names(sub);
    if (!names && names.error() == ENOENT && ++missing == 1) continue;
    if (!names) return std::unexpected(fmt::format("{}/{}: {}", options.path, sub, reason_of(names.error())));
    for (auto& name : *names) {
      auto parts = store::maildir_name(name);
      std::string unique(parts.unique);
      if (name.starts_with('.'))
        intake.skip(fmt::format("{}/{} (a hidden file)", sub, name));
      else if (options.skip_trashed && parts.trashed())
        intake.skip(fmt::format("{}/{} (trashed)", sub, name));
      else if (!seen.insert(unique).second)
        intake.skip(fmt::format("{}/{} (the same name stands there twice)", sub, name));
      else {
        Entry& entry = entries.emplace_back(Entry{sub, name, unique, "maildir", {}, {}, UINT64_MAX});
        if (auto known = uidls->find(unique); known != uidls->end()) {
          entry.uidl = known->second.uidl;
          entry.order = known->second.order;
        }
      }
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& one, const Entry& other) {
    if (one.order != other.order) return one.order < other.order;
    return store::arrived_before(one.identity, other.identity);
  });
  return entries;
}

// "17." is the message with UID 17.
std::optional<std::uint32_t> cyrus_uid(std::string_view name) {
  std::uint32_t uid = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
  if (error != std::errc{} || std::string_view(end, name.data() + name.size()) != ".") return std::nullopt;
  return uid;
}

Entries cyrus_entries(Folder& folder, std::string_view index_content, const ImportOptions& options, Intake& intake) {
  auto index = store::read_cyrus_index(octets_of(index_content));
  if (!index) return std::unexpected(fmt::format("{}/cyrus.index: {}", options.path, index.error()));
  auto names = folder.names("");
  if (!names) return std::unexpected(fmt::format("{}: {}", options.path, reason_of(names.error())));
  std::vector<Entry> entries;
  for (auto& name : *names) {
    auto uid = cyrus_uid(name);
    if (!uid) continue;
    auto message = index->messages.find(*uid);
    if (message != index->messages.end() && message->second.expunged) {
      intake.skip(fmt::format("{} (expunged)", name));
      continue;
    }
    Entry entry{"", name, fmt::format("{}.{}", index->uidvalidity, *uid), "cyrus", {}, {}, *uid};
    if (message != index->messages.end()) {
      entry.received = message->second.received;
      if (options.keep_uidl) entry.uidl = index->uidl(*uid, options.cyrus_format);
    }
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.order < b.order; });
  return entries;
}

// A mail program may have moved the file from new to cur, or changed its flags, since it was listed.
std::expected<SourceFile, int> open_wherever_it_is_now(Folder& folder, Entry& entry) {
  auto open = [&]() -> std::expected<SourceFile, int> {
    auto inside = folder.inside(entry.folder);
    if (!inside) return std::unexpected(inside.error());
    return SourceFile::open(*inside, entry.file);
  };
  auto file = open();
  if (file || file.error() != ENOENT || entry.folder.empty()) return file;
  for (std::string sub : {"cur", "new"}) {
    auto names = folder.names(sub);
    if (!names) continue;
    for (auto& name : *names) {
      if (store::maildir_name(name).unique != entry.identity) continue;
      entry.folder = sub;
      entry.file = name;
      return open();
    }
  }
  return file;
}

void import_entry(Folder& folder, Entry& entry, const ImportOptions& options, Intake& intake) {
  auto file = open_wherever_it_is_now(folder, entry);
  auto origin = entry.folder.empty() ? entry.file : entry.folder + "/" + entry.file;
  if (!file) {
    int error = file.error();
    if (error == ELOOP || error == EINVAL || error == EISDIR)
      intake.skip(fmt::format("{} ({})", origin, reason_of(error)));
    else
      intake.fail(fmt::format("{}: {}", origin, reason_of(error)));
    return;
  }
  auto message = std::make_unique<Prepared>();
  store::WireFormer former(options.replace_nul);
  auto done = file->read([&](Octets piece) {
    former.feed(piece, message->wire);
    return true;
  });
  if (!done) return intake.fail(fmt::format("{}: {}", origin, reason_of(done.error())));
  former.finish(message->wire);
  message->octets = former.octets();
  message->header_octets = former.header_octets();
  message->wire_crc32c = former.crc32c();
  message->received = entry.received.microseconds ? entry.received : file->modified();
  message->uidl = entry.uidl;
  message->source = source_id(entry.kind, entry.identity);
  message->origin = std::move(origin);
  intake.take(std::move(message), file->octets());
}

}  // namespace

std::expected<ImportReport, std::string> import_maildir(const ImportOptions& options, Appender& appender,
                                                        Progress& progress) {
  auto descriptor = open_folder(AT_FDCWD, options.path);
  if (!descriptor) return std::unexpected(fmt::format("{}: {}", options.path, reason_of(descriptor.error())));
  Folder folder(*descriptor);
  Intake intake(options, appender, progress);
  auto cyrus = folder.content("cyrus.index");
  if (!cyrus) return std::unexpected(fmt::format("{}/{}", options.path, cyrus.error()));
  auto entries = *cyrus ? cyrus_entries(folder, **cyrus, options, intake) : maildir_entries(folder, options, intake);
  if (!entries) return std::unexpected(entries.error());
  std::uint64_t octets = 0;
  for (auto& entry : *entries) {
    struct stat info{};
    auto inside = folder.inside(entry.folder);
    if (inside && ::fstatat(*inside, entry.file.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
      octets += static_cast<std::uint64_t>(info.st_size);
  }
  progress.begins(octets);
  for (auto& entry : *entries) import_entry(folder, entry, options, intake);
  intake.finish();
  return std::move(intake.report());
}

}  // namespace ringpost::program
