#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unordered_map>

#include "intake.h"
#include "source_file.h"

namespace ringpost::program {
namespace {

// A field's value in the header part of a wire form, without folding; empty if it is not there.
std::string_view header_field(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    auto end = header.find("\r\n");
    auto line = header.substr(0, end);
    header.remove_prefix(end == std::string_view::npos ? header.size() : end + 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    auto value = line.substr(name.size() + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    return value;
  }
  return {};
}

class MessagesOfMbox final : public store::MboxSink {
 public:
  MessagesOfMbox(const ImportOptions& options, Intake& intake) : options_(options), intake_(intake) {}

  void message_begins(WallTime received) override {
    message_ = std::make_unique<Prepared>();
    message_->received = received;
    former_ = store::WireFormer(options_.replace_nul);
    source_octets_ = 0;
    ++ordinal_;
  }

  void message_octets(Octets octets) override {
    source_octets_ += octets.size();
    former_.feed(octets, message_->wire);
  }

  void message_ends() override {
    former_.finish(message_->wire);
    message_->octets = former_.octets();
    message_->header_octets = former_.header_octets();
    message_->wire_crc32c = former_.crc32c();
    message_->origin = fmt::format("message {}", ordinal_);
    auto header = std::string_view(message_->wire).substr(0, message_->header_octets);
    // The first "message" of mailboxes that c-client wrote holds its own data.
    if (ordinal_ == 1 && !header_field(header, "X-IMAP").empty()) {
      intake_.skip("message 1 (a mail program's own data)");
      return;
    }
    if (options_.keep_uidl) message_->uidl = header_field(header, "X-UIDL");
    auto content = source_id("content", message_->wire);
    std::string key(text_of(content.id.octets));
    auto among_equals = ++equals_[key];
    message_->source = source_id("mbox", fmt::format("{}{}", hex(content.id.octets), among_equals));
    intake_.take(std::move(message_), source_octets_);
  }

 private:
  const ImportOptions& options_;
  Intake& intake_;
  std::unique_ptr<Prepared> message_;
  store::WireFormer former_;
  std::uint64_t source_octets_ = 0;
  std::uint64_t ordinal_ = 0;
  std::unordered_map<std::string, std::uint64_t> equals_;  // true copies stay as many as there are
};

}  // namespace

std::expected<ImportReport, std::string> import_mbox(const ImportOptions& options, Appender& appender,
                                                     Progress& progress) {
  auto file = SourceFile::open(AT_FDCWD, options.path);
  if (!file) return std::unexpected(fmt::format("{}: {}", options.path, reason_of(file.error())));
  progress.begins(file->octets());
  Intake intake(options, appender, progress);
  MessagesOfMbox messages(options, intake);
  store::MboxSplitter splitter(messages, options.mbox_quoting);
  bool is_mbox = true;
  auto read = file->read([&](Octets piece) { return is_mbox = splitter.feed(piece); });
  if (!read)
    intake.fail(fmt::format("{}: {}; what comes behind is not imported", options.path, reason_of(read.error())));
  is_mbox = is_mbox && splitter.finish();
  intake.finish();
  if (!is_mbox)
    return std::unexpected(
        fmt::format("{}: does not begin with a \"From \" line, so it is no mbox file", options.path));
  auto& report = intake.report();
  report.doubts = splitter.doubts();
  for (auto line : splitter.doubtful_lines())
    report.notes.push_back(fmt::format("line {}: a \"From \" line that may be read otherwise", line));
  return std::move(report);
}

}  // namespace ringpost::program
