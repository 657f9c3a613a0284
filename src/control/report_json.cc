#include <nlohmann/json.hpp>

#include <ringpost/control/report_json.h>

namespace ringpost::control {

using nlohmann::json;

json json_of(const store::CheckReport& report) {
  json findings = json::array();
  for (const store::Finding& finding : report.findings)
    findings.push_back({{"what", store::text_of(finding.kind)},
                        {"harm", store::is_harm(finding.kind)},
                        {"file", finding.file},
                        {"offset", finding.offset},
                        {"octets", finding.octets},
                        {"uidl", finding.uidl}});
  return {{"whole", report.whole()},         {"messages", report.messages},
          {"octets", report.octets},         {"log_octets", report.log_octets},
          {"past_cache", report.past_cache}, {"harm", report.harm},
          {"findings", std::move(findings)}, {"findings_left_out", report.findings_left_out}};
}

json json_of(const store::RepairReport& report) {
  return {{"mended", report.mended},
          {"messages_kept", report.messages_kept},
          {"messages_lost", report.messages_lost},
          {"set_aside", report.set_aside},
          {"before", json_of(report.before)}};
}

}  // namespace ringpost::control
