// ringpost: the control program. Reads its arguments and calls the verb that they name.
#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <sys/resource.h>

#include "verbs.h"

namespace {

using namespace ringpost::program;
namespace store = ringpost::store;

struct Later {
  const char* verb;
  const char* sentence;
};
constexpr Later laters[] = {{"cert", "Certificates: self-signed, request, install, show, renew"},
                            {"client-setup", "What mail clients need to set themselves up"},
                            {"server", "Virtual servers: list, start, stop, enable, disable"},
                            {"rule", "Publishing rules: list, add, enable, disable, move, remove, test"},
                            {"ban", "Bans: list, add, lift"},
                            {"backup", "Copy all maildrops while the server runs"},
                            {"restore", "Bring maildrops back from a copy"}};

// The arguments and what is to be done with them.
class CommandLine {
 public:
  CommandLine();
  int run(int argc, char** argv);

 private:
  CLI::App* verb(CLI::App* parent, const char* name, const char* sentence, std::function<int()> act);
  void refuse_later(CLI::App* parent, const char* name, const char* sentence);
  void add_user_verbs();
  void add_mailbox_verbs();
  void add_running_verbs();
  void add_transfer_verbs();

  CLI::App app_{"The control program of Ringpost."};
  Options options_;
  UserOptions user_;
  ImportOptions import_;
  ExportOptions export_;
  std::string text_;  // the verb's one argument, where it has one
  std::function<int()> act_;
};

CLI::App* CommandLine::verb(CLI::App* parent, const char* name, const char* sentence, std::function<int()> act) {
  CLI::App* made = parent->add_subcommand(name, sentence);
  made->fallthrough();
  if (act) made->callback([this, act] { act_ = act; });
  return made;
}

// It takes any arguments, so that the answer is always the same.
void CommandLine::refuse_later(CLI::App* parent, const char* name, const char* sentence) {
  CLI::App* later = parent->add_subcommand(name, std::string(sentence) + " (not supported yet)");
  later->fallthrough(false)->allow_extras()->prefix_command();
  const std::string whole = parent == &app_ ? name : parent->get_name() + " " + name;
  later->callback([this, whole] { act_ = [whole] { return usage("`ringpost " + whole + "` is not supported yet"); }; });
}

void CommandLine::add_user_verbs() {
  CLI::App* user = verb(&app_, "user", "Accounts: add, passwd, remove, list, forget", nullptr);
  user->require_subcommand(1);
  const auto named = [&](const char* name, const char* sentence, int (*act)(const Options&, const UserOptions&)) {
    CLI::App* made = verb(user, name, sentence, [this, act] { return act(options_, user_); });
    made->add_option("NAME", user_.name, "The account")->required();
    return made;
  };
  for (CLI::App* made : {named("add", "A new account", user_add), named("passwd", "A new password", user_passwd)})
    made->add_flag("--password-stdin", user_.password_stdin, "Read the password from standard input, one line");
  named("remove", "The account goes, its mail stays", user_remove);
  named("forget", "Empty the login cache for it", user_forget);
  verb(user, "list", "All accounts", [this] { return user_list(options_); });
}

void CommandLine::add_mailbox_verbs() {
  CLI::App* mailbox = verb(&app_, "mailbox", "Maildrops: list, check, repair, compact", nullptr);
  mailbox->require_subcommand(1);
  const auto named = [&](const char* name, const char* sentence, int (*act)(const Options&, const std::string&)) {
    CLI::App* made = verb(mailbox, name, sentence, [this, act] { return act(options_, text_); });
    return made->add_option("NAME", text_, "The account");
  };
  named("list", "Number, size, time and UIDL of each message", mailbox_list)->required();
  named("check", "Verify every octet; without a name, of all maildrops", mailbox_check);
  named("repair", "Mend a damaged maildrop, keeping what is whole", mailbox_repair)->required();
  named("compact", "Give the room of deleted mail back", mailbox_compact)->required();
}

void CommandLine::add_running_verbs() {
  verb(&app_, "status", "The running server at a glance", [this] { return status(options_); });
  verb(&app_, "sessions", "Who is connected", [this] { return sessions(options_); });
  verb(&app_, "kick", "End sessions", [this] { return kick(options_, text_); })
      ->add_option("WHO", text_, "An account, a session's id, or \"all\"")
      ->required();
  verb(&app_, "reload", "Make a changed configuration count", [this] { return reload(options_); });
  verb(&app_, "doctor", "What of this machine helps or hinders", [this] { return doctor(options_); });
}

void CommandLine::add_transfer_verbs() {
  CLI::App* from = verb(&app_, "import", "Mail in, byte for byte: maildir, mbox", nullptr);
  from->require_subcommand(1);
  const auto import = [&](const char* name, const char* sentence, int (*act)(const Options&, const ImportOptions&)) {
    CLI::App* made = verb(from, name, sentence, [this, act] { return act(options_, import_); });
    made->add_option("PATH", import_.path, "Where the mail lies")->required();
    made->add_option("--user", import_.account, "The account that gets it")->required();
    made->add_flag("--keep-uidl", import_.keep_uidl, "Take over the UIDLs of Dovecot, Courier or Cyrus");
    made->add_flag("--dry-run", import_.dry_run, "Report only");
    return made;
  };
  CLI::App* maildir = import("maildir", "A Maildir, or a Cyrus mailbox folder", import_from_maildir);
  maildir->add_option("--uidl-format", import_.dovecot_uidl_format, "Dovecot's pop3_uidl_format")
      ->capture_default_str();
  maildir
      ->add_option("--cyrus-uidl-format", import_.cyrus_format,
                   "Cyrus's uidl_format: cyrus, uidonly, dovecot or courier")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, store::CyrusFormat>{{"cyrus", store::CyrusFormat::cyrus},
                                                                            {"uidonly", store::CyrusFormat::uidonly},
                                                                            {"dovecot", store::CyrusFormat::dovecot},
                                                                            {"courier", store::CyrusFormat::courier}}));
  maildir->add_flag("--skip-trashed", import_.skip_trashed, "Leave out messages with the flag T");
  import("mbox", "An mbox file", import_from_mbox)
      ->add_option("--quoting", import_.mbox_quoting, "How \"From \" lines are quoted: mboxrd or none")
      ->transform(CLI::CheckedTransformer(std::map<std::string, store::MboxQuoting>{
          {"mboxrd", store::MboxQuoting::mboxrd}, {"none", store::MboxQuoting::none}}));
  refuse_later(from, "pop3", "Mail from another POP3 server");

  CLI::App* to = verb(&app_, "export", "Mail out: maildir, mbox", nullptr);
  to->require_subcommand(1);
  const auto exporting = [&](const char* name, const char* sentence, int (*act)(const Options&, const ExportOptions&)) {
    CLI::App* made = verb(to, name, sentence, [this, act] { return act(options_, export_); });
    made->add_option("PATH", export_.path, "Where to write")->required();
    made->add_option("--user", export_.account, "The account")->required();
    made->add_flag("--crlf", export_.crlf, "Keep CRLF line ends");
  };
  exporting("maildir", "Into a Maildir, made if missing; a second run adds what is new", export_to_maildir);
  exporting("mbox", "Into a new mbox file", export_to_mbox);
}

CommandLine::CommandLine() {
  app_.add_option("--config", options_.config, "The configuration file")->envname("RINGPOST_CONFIG");
  app_.add_flag("--json", options_.json, "Results as JSON");
  app_.set_version_flag("--version", std::string("ringpost ") + RINGPOST_VERSION);
  app_.require_subcommand(1);
  verb(&app_, "init", "A new appliance folder", [this] { return init(options_, text_); })
      ->add_option("DIR", text_, "The folder")
      ->required();
  add_user_verbs();
  add_mailbox_verbs();
  add_running_verbs();
  add_transfer_verbs();
  verb(&app_, "completion", "A completion script for the shell", [this] { return completion(text_); })
      ->add_option("SHELL", text_, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  for (const Later& later : laters) refuse_later(&app_, later.verb, later.sentence);
}

int CommandLine::run(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_.exit(error) == 0 ? done : wrong_usage;
  }
  return act_ ? act_() : wrong_usage;
}

}  // namespace

int main(int argc, char** argv) {
  // A core dump could hold a password.
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  return CommandLine().run(argc, argv);
}
