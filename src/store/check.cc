#include <utility>

#include <ringpost/store/check.h>

namespace ringpost::store {

const char* text_of(FindingKind kind) noexcept {
  switch (kind) {
    case FindingKind::log_missing:
      return "the log is missing beside other files";
    case FindingKind::log_foreign:
      return "not a log";
    case FindingKind::log_cut:
      return "the log ends before octets that the index names";
    case FindingKind::damage:
      return "damaged octets";
    case FindingKind::unreadable_message:
      return "message does not verify";
    case FindingKind::index_differs:
      return "the index says what the log does not";
    case FindingKind::ledger_damage:
      return "damaged entries of the import ledger";
    case FindingKind::uidl_twice:
      return "two messages bear this UIDL";
    case FindingKind::cannot_be_read:
      return "the disk does not give these octets";
    case FindingKind::skip:
      return "taken out by recovery";
    case FindingKind::torn_tail:
      return "an append that was never answered";
    case FindingKind::index_unfit:
      return "the index will be made anew";
    case FindingKind::set_aside:
      return "put aside by an earlier repair";
  }
  return "unknown";
}

bool is_harm(FindingKind kind) noexcept {
  return kind < FindingKind::skip;
}

void CheckReport::add(Finding finding) {
  if (is_harm(finding.kind)) ++harm;
  if (findings.size() < findings_max)
    findings.push_back(std::move(finding));
  else
    ++findings_left_out;
}

}  // namespace ringpost::store
