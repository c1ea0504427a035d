internal import ArgumentParser
internal import LinuxSystem

/// The argument parser's completion scripts, with what they lack for words such as `emulated:6.1-max`, for files whose
/// names a shell has to quote, and for names of which a shell must not make commands.
enum CompletionScript {
    private static let option = "--generate-completion-script"

    /// Whether a script is what the words ask for.
    static func isAsked(by words: [String]) -> Bool { words.first?.hasPrefix(option) == true }

    /// The message for a shell that has no completion script here.
    static func unknownShell(in words: [String]) -> CommandError? {
        guard let word = words.first, isAsked(by: words) else { return nil }
        let shell =
            word == option ? words.dropFirst().first : String(word.dropFirst(option.count + 1))
        let known = CompletionShell.allCases.map(\.rawValue)
        guard let shell, !known.contains(shell) else { return nil }
        return CommandError(
            "there is no completion script for \(FileName.shown(shell)): give one of "
                + known.joined(separator: ", "))
    }

    /// A script of the parser's, completed.
    static func completed(_ script: String) -> String {
        if script.hasPrefix("#!/bin/bash") { return script + "\n" + bash }
        guard script.hasPrefix("#compdef") else { return script }
        // The last statement already completes, if the script is loaded by the first completion.
        var lines = script.split(separator: "\n", omittingEmptySubsequences: false)
        let end = lines.lastIndex { $0.hasPrefix("if [[ ") } ?? lines.count
        lines.insert(contentsOf: zsh.split(separator: "\n"), at: end)
        return lines.joined(separator: "\n")
    }

    private static let bash = #"""
        # The parser's gives the words to compgen, which runs the commands in them.
        __vcpusnap_add_completions() {
            local completion typed="${cur//\\/}"
            typed="${typed#[\"\']}"
            if [[ "${1}" = -W ]]; then
                while IFS='' read -r completion; do
                    [[ -n "${completion}" && "${completion}" = "${typed}"* ]] && COMPREPLY+=("${completion}")
                done <<<"${2}"
            else
                while IFS='' read -r completion; do
                    COMPREPLY+=("${completion}")
                done < <(compgen "${@}" -- "${cur}")
            fi
        }

        # Readline breaks words at : and =, which stand inside of ours: here they are whole.
        _vcpusnap_whole_words() {
            local line="${COMP_LINE:0:COMP_POINT}" word
            local rest="${line}"
            local -a words=()
            for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
                if [[ "${#words[@]}" -gt 0 && -n "${word}" && "${rest}" = "${word}"* ]]; then
                    words[-1]+="${word}"
                else
                    words+=("${word}")
                fi
                rest="${rest#*"${word}"}"
            done
            local COMP_LINE="${line}" COMP_POINT="${#line}" COMP_CWORD="$((${#words[@]} - 1))"
            local -a COMP_WORDS=("${words[@]}")
            _vcpusnap "${1}" "${words[-1]}" "${words[-2]}"

            local kept="${words[-1]%"${2}"}"
            local -i index
            for index in "${!COMPREPLY[@]}"; do
                word="${COMPREPLY[index]#"${kept}"}"
                [[ "${word}" = *[:=] ]] && compopt -o nospace 2>/dev/null
                [[ -e "${word}" ]] && compopt -o filenames 2>/dev/null && word="${word%/}"
                COMPREPLY[index]="${word}"
            done
        }
        complete -F _vcpusnap_whole_words vcpusnap
        """#

    private static let zsh = #"""
        # The parser's takes what follows a colon for a description, and ends every word with a space.
        __vcpusnap_complete() {
            local -a begun=("${(M)@:#*[/:=]}") whole=("${@:#*[/:=]}")
            local -i ret=1
            compadd -S '' -a begun && ret=0
            compadd -a whole && ret=0
            return "${ret}"
        }
        """#
}
