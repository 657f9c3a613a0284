// ringpost completion SHELL: words for the shell, from the program's own --help.
#include "verbs.h"

namespace ringpost::program {
namespace {

// The verbs of a level are the lines of its help that begin with two blanks and a small letter.
constexpr const char* bash_script = R"script(# bash completion for ringpost: source <(ringpost completion bash)
_ringpost() {
  local word=${COMP_WORDS[COMP_CWORD]} at verbs=() config=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    case ${COMP_WORDS[at]} in
      --config) config=(--config "${COMP_WORDS[++at]}") ;;
      -*) ;;
      *) verbs+=("${COMP_WORDS[at]}") ;;
    esac
  done
  case ${COMP_WORDS[COMP_CWORD-1]} in
    --config|maildir|mbox|init)
      COMPREPLY=($(compgen -f -- "$word"))
      return ;;
    --user|passwd|remove|forget|list|check|repair|compact|kick)
      COMPREPLY=($(compgen -W "$(ringpost "${config[@]}" user list 2>/dev/null | awk '{print $1}')" -- "$word"))
      return ;;
  esac
  COMPREPLY=($(compgen -W "$(ringpost "${verbs[@]}" --help 2>/dev/null |
    awk '/^  -/ {gsub(",", " "); for (i = 1; i <= NF; i++) if ($i ~ /^--/) print $i} /^  [a-z]/ {print $1}')" -- "$word"))
}
complete -F _ringpost ringpost
)script";

constexpr const char* zsh_script = R"script(#compdef ringpost
# zsh completion for ringpost: source <(ringpost completion zsh), or a file _ringpost in a folder of $fpath.
(( $+functions[compdef] )) || { autoload -U compinit && compinit; }
autoload -U +X bashcompinit && bashcompinit
source <(ringpost completion bash)
[[ -z $compstate ]] || _bash_complete -F _ringpost
)script";

}  // namespace

std::string completion_script(const std::string& shell) {
  return shell == "zsh" ? zsh_script : bash_script;
}

int completion(const std::string& shell) {
  std::fputs(completion_script(shell).c_str(), stdout);
  return done;
}

}  // namespace ringpost::program
