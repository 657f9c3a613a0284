// ringpost completion SHELL: words for the shell, from the program's own --help.
#include "verbs.h"

namespace ringpost::program {
namespace {

// The verbs of a level are the lines of its help that begin with two blanks and a small letter.
constexpr const char* bash_script = R"script(# bash completion for ringpost: source <(ringpost completion bash)
_ringpost() {
  local word=${COMP_WORDS[COMP_CWORD]} at verbs=()
  case ${COMP_WORDS[COMP_CWORD-1]} in
    --config) COMPREPLY=($(compgen -f -- "$word")); return ;;
    maildir) compopt -o dirnames; return ;;
    mbox) compopt -o default; return ;;
    --user|passwd|remove|forget|check|repair|compact)
      COMPREPLY=($(compgen -W "$(ringpost user list 2>/dev/null | awk '{print $1}')" -- "$word"));
return;
;
esac for ((at = 1; at < COMP_CWORD; at++));
do
    case ${COMP_WORDS[at]} in
      --config) ((at++)) ;;
      -*) ;;
      *) verbs+=("${COMP_WORDS[at]}") ;;
    esac
  done
  COMPREPLY=($(compgen -W "$(ringpost "${verbs[@]}" --help 2>/dev/null | awk '/^  [a-z-]/ {gsub(",", " "); print $1, $2 ~ /^--/ ? $2 : ""}')" -- "$word"))
}
complete -F _ringpost ringpost
)script";

constexpr const char* zsh_script = R"script(#compdef ringpost
autoload -U +X bashcompinit && bashcompinit
source <(ringpost completion bash)
)script";

}  // namespace

int completion(const std::string& shell) {
  std::fputs(shell == "zsh" ? zsh_script : bash_script, stdout);
  return done;
}

}  // namespace ringpost::program
