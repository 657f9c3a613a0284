// Requests about the running server.
#include <ringpost/accounts/account_name.h>
#include <ringpost/config/units.h>
#include <ringpost/pop3/session_list.h>

#include "admin_connection.h"
#include "figures.h"

namespace ringpost::control {
namespace {

constexpr std::size_t sessions_listed_max = 20'000;  // each core

long seconds(Duration duration) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

nlohmann::json json_of(const pop3::SessionFacts& facts) {
  return {{"id", facts.id},
          {"account", facts.account},
          {"client", facts.client},
          {"server", facts.server},
          {"state", pop3::text_of(facts.phase)},
          {"seconds", seconds(facts.age)},
          {"silent_seconds", seconds(facts.silent)},
          {"retrieved", facts.retrieved},
          {"marked", facts.marked},
          {"octets_in", facts.octets_in},
          {"octets_out", facts.octets_out}};
}

std::string text_field(const nlohmann::json& request, const char* key) {
  const auto found = request.find(key);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

void AdminConnection::take_line(std::string_view line) {
  const Json request = Json::parse(line, nullptr, false);
  if (!request.is_object()) return refuse("a request is one JSON object on a line");
  const std::string verb = text_field(request, "verb");
  if (verb == "append") return begin_append(request);
  busy_ = true;
  if (verb == "status") return status();
  if (verb == "sessions") return sessions();
  if (verb == "kick") return kick(request);
  if (verb == "forget") return forget(request);
  if (verb == "reload") return reload();
  if (verb == "accounts") return reload_accounts();
  if (verb == "open") return open_reader(request);
  if (verb == "list") return list();
  if (verb == "read") return read(request);
  if (verb == "compact" || verb == "check" || verb == "repair") return care(verb, request);
  busy_ = false;
  refuse("no such verb");
}

void AdminConnection::status() {
  gather_figures(around_.cores, around_.appliance, [self = shared_from_this()](const Figures& figures) {
    const config::Configuration& value = self->around_.appliance.configuration();
    Json servers = Json::array();
    for (const config::VirtualServer& server : value.virtual_servers) {
      Json addresses = Json::array();
      for (const config::Endpoint& endpoint : server.pop3) addresses.push_back(config::show_endpoint(endpoint));
      servers.push_back({{"name", server.name}, {"enabled", server.enabled}, {"pop3", addresses}});
    }
    self->reply({{"ok", true},
                 {"version", RINGPOST_VERSION},
                 {"hostname", value.appliance.hostname},
                 {"seconds", static_cast<long>(figures.seconds_running)},
                 {"cores", self->around_.cores.count()},
                 {"sessions", figures.sessions},
                 {"connections_accepted", figures.session.accepted},
                 {"logins", figures.session.logged_in},
                 {"login_failures", figures.session.login_failures},
                 {"messages_retrieved", figures.session.retrieved},
                 {"messages_deleted", figures.session.deleted},
                 {"octets_out", figures.session.octets_out},
                 {"messages_appended", figures.store.appends},
                 {"log_events_dropped", figures.log.dropped},
                 {"turns_over_5_ms", figures.core.turns_long},
                 {"virtual_servers", servers}});
    self->answered();
  });
}

void AdminConnection::sessions() {
  auto found = std::make_shared<std::vector<std::vector<pop3::SessionFacts>>>(around_.cores.count());
  on_each_core(
      around_.cores,
      [found](ring::CoreIndex core, CoreServices& services) {
        auto& mine = (*found)[core.value];
        services.sessions->for_each([&](const pop3::ListedSession& session) {
          if (mine.size() < sessions_listed_max) mine.push_back(session.facts());
        });
      },
      [found, self = shared_from_this()] {
        Json list = Json::array();
        for (const auto& of_core : *found)
          for (const pop3::SessionFacts& facts : of_core) list.push_back(json_of(facts));
        self->reply({{"ok", true}, {"sessions", std::move(list)}});
        self->answered();
      });
}

// All, an account, or a session's number. Names may be numbers, as customers' are: an account goes first, so that its
// number never ends a stranger's session.
void AdminConnection::kick(const Json& request) {
  const std::string who = text_field(request, "who");
  if (who == "all") return end_sessions([](pop3::SessionList& list) { return list.end_all(ring::DoomReason::kicked); });
  const std::string account = accounts::canonical_name(who, around_.appliance.configuration().accounts.fold_case);
  const bool is_number = !who.empty() && who.size() < 20 && who.find_first_not_of("0123456789") == std::string::npos;
  std::function<std::uint32_t(pop3::SessionList&)> by_number;
  if (is_number) by_number = [id = std::stoull(who)](pop3::SessionList& list) { return list.kick(id); };
  end_sessions([account](pop3::SessionList& list) { return account.empty() ? 0 : list.kick_account(account); },
               std::move(by_number));
}

// On every core; where that ends none, once more with `otherwise`, if there is such.
void AdminConnection::end_sessions(std::function<std::uint32_t(pop3::SessionList&)> end,
                                   std::function<std::uint32_t(pop3::SessionList&)> otherwise) {
  auto ended = std::make_shared<std::vector<std::uint32_t>>(around_.cores.count());
  on_each_core(
      around_.cores,
      [ended, end = std::move(end)](ring::CoreIndex core, CoreServices& services) {
        (*ended)[core.value] = end(*services.sessions);
      },
      [ended, otherwise = std::move(otherwise), self = shared_from_this()] {
        std::uint32_t all = 0;
        for (const std::uint32_t of_core : *ended) all += of_core;
        if (all == 0 && otherwise) return self->end_sessions(otherwise);
        self->reply({{"ok", true}, {"ended", all}});
        self->answered();
      });
}

void AdminConnection::forget(const Json& request) {
  const std::string account =
      accounts::canonical_name(text_field(request, "account"), around_.appliance.configuration().accounts.fold_case);
  on_each_core(
      around_.cores, [account](ring::CoreIndex, CoreServices& services) { services.authenticator->forget(account); },
      [self = shared_from_this()] {
        self->reply({{"ok", true}});
        self->answered();
      });
}

void AdminConnection::reload() {
  around_.appliance.reload([self = shared_from_this()](const Appliance::Reloaded& reloaded) {
    if (reloaded.refusal.empty())
      self->reply({{"ok", true}, {"remarks", reloaded.remarks}});
    else
      self->refuse(reloaded.refusal);
    self->answered();
  });
}

void AdminConnection::reload_accounts() {
  around_.appliance.reload_accounts([self = shared_from_this()](const Appliance::Reloaded& reloaded) {
    reloaded.refusal.empty() ? self->reply({{"ok", true}}) : self->refuse(reloaded.refusal);
    self->answered();
  });
}

}  // namespace ringpost::control
